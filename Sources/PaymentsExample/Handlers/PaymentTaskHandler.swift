import TaskQueue

/// Does a task of one type.
protocol PaymentTaskHandler: Sendable {
  associatedtype Payload: TaskPayload

  /// The payment that the observer is told of; nil: none.
  static func payment(of payload: Payload) -> PaymentID?

  func handle(_ payload: Payload, context: TaskContext) async throws -> TaskOutcome
}
