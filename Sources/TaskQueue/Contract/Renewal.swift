/// What renewing one claim brought.
@_spi(Store) public enum Renewal: Hashable, Sendable {
  case renewed
  /// Renewed, and the handler is to be cancelled.
  case cancelRequested
  /// The claim no longer holds the task.
  case lost
}
