/// Runs the tasks of one type.
///
/// The same task may be handed over more than once (at least once), never to two holders of a valid lease at a time. A
/// handler is told by task cancellation that it has to stop: its lease was lost, its time is up, somebody cancelled the
/// task, or the worker shuts down.
public protocol TaskHandler: Sendable {
  associatedtype Payload: TaskPayload

  /// - Throws: any error: it is recorded, and the task retried by its policy until `maxAttempts`. A ``TaskOutcomeError`` ends the
  ///   attempt as it says, a ``RetryAfterError`` sets the wait.
  func handle(_ payload: Payload, context: TaskContext) async throws -> TaskOutcome
}
