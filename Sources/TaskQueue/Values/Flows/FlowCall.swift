/// A call of a flow at the moment at which its journal has decided about it, before anything is done. For test kits.
@_spi(Store) public struct FlowCall: Sendable {
  /// What the journal says.
  public enum Decision: Hashable, Sendable {
    /// It was done before: what was recorded comes back.
    case recorded(FlowStep)
    /// It is done now.
    case runs
    /// The flow waits or is to be undone; the handler is told to leave.
    case leaves
    /// It throws a ``FlowError`` of the code; nil: the lease was lost.
    case refused(FlowError.Code?)
  }

  /// As ``FlowStep/name``.
  public var name: String
  /// What the call may be recorded as.
  public var kinds: Set<FlowStep.Kind>
  public var decision: Decision
}

/// Is told of each call of a flow, and may hold it up; what it throws is thrown by the call. Never set in a worker.
@_spi(Store) public typealias FlowObserver = @Sendable (FlowCall) async throws -> Void
