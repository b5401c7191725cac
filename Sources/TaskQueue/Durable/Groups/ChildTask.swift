/// A task that a flow has enqueued, and whose end it can wait for.
public struct ChildTask: Sendable {
  public let id: TaskID
  let children: ChildTasks

  /// What the child's handler returned (``TaskOutcome/completed(result:)``), once it is completed. The flow waits for it as for an event: no worker,
  /// no slot, no connection meanwhile.
  ///
  /// - Parameter type: an optional also takes a child that returned nothing.
  /// - Throws: ``TaskResultError``: `dead` with the child's type, id and reason, which stays so also if it is redriven; `unreadable`; `notKept` if
  ///   it was deleted by hand. ``FlowSuspension`` to leave the handler: let it through. ``TaskQueueError``.
  public func value<Value: Decodable & Sendable>(as type: Value.Type = Value.self) async throws -> Value {
    guard let end = try await children.results(as: type).first else { throw TaskResultError.notKept(id) }
    return try end.result.get()
  }

  /// Waits until the child is completed, whatever it returned.
  ///
  /// - Throws: as ``value(as:)``, but for `unreadable`.
  public func finish() async throws { _ = try await value(as: AnyResult.self) }
}

/// A result that nobody looks at.
private struct AnyResult: Decodable, Sendable {
  init(from decoder: any Decoder) {}
}
