import TaskQueue

/// Does a task of one type, with its external calls in the ledger of effects.
protocol PaymentTaskHandler: Sendable {
  associatedtype Payload: TaskPayload

  /// The payment that the observer is told of; nil: none.
  static func payment(of payload: Payload) -> PaymentID?

  func handle(_ payload: Payload, context: TaskContext, effects: TaskEffects) async throws -> TaskOutcome
}
