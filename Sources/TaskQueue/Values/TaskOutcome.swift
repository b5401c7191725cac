#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// How an attempt ended. Throwing an error is the other way to end one.
public struct TaskOutcome: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case completed
    case completedWith(result: Data)
    case settledInTransaction
    case again(after: Duration?)
    case snooze(Duration)
    case discard(reason: String)
  }

  package let kind: Kind

  /// Done: the task is removed.
  public static let completed = TaskOutcome(kind: .completed)

  /// Done, with a result, which is kept as ``TaskHandlerOptions/retain`` or ``EnqueueOptions/retain`` says, or else for a day
  /// (``TaskClient/result(of:as:timeout:)``), and which is what a child's parent gets.
  ///
  /// - Parameter result: at most ``Limits/resultBytes`` as JSON.
  /// - Throws: ``TaskQueueError``: `payloadTooLarge`, `encodingFailed`: a failure of the attempt, if the handler lets it through.
  public static func completed(result: some Encodable) throws(TaskQueueError) -> TaskOutcome {
    let json: Data
    do { json = try PayloadEncoder.canonical.encode(result) } catch {
      throw TaskQueueError(
        .encodingFailed,
        "The result could not be encoded as JSON.",
        underlying: UnencodableValue.describing(error)
      )
    }
    guard json.count <= Limits.resultBytes else {
      throw TaskQueueError(
        .payloadTooLarge,
        "A result must be at most \(Limits.resultBytes) bytes as JSON; got \(json.count). Return a reference instead."
      )
    }
    return TaskOutcome(kind: .completedWith(result: json))
  }

  /// Recorded already: the handler completed or settled the task in its own transaction
  /// (``TaskClient/withCompletion(of:_:)-(TaskContext,_)``, ``TaskClient/complete(_:in:)-(TaskContext,_)``,
  /// ``TaskClient/settle(_:_:in:)``). An attempt that asked for none of these, nor for its context's ``TaskContext/claim``, fails.
  public static let settledInTransaction = TaskOutcome(kind: .settledInTransaction)

  /// Not final yet: look again on the retry policy's schedule. Not a failure.
  public static let again = TaskOutcome(kind: .again(after: nil))

  /// Not final yet: look again after this time. Not a failure. Negative means at once.
  public static func again(after delay: Duration) -> TaskOutcome { TaskOutcome(kind: .again(after: delay)) }

  /// Not now: come back after this time. Costs no attempt. Negative means at once.
  public static func snooze(_ delay: Duration) -> TaskOutcome { TaskOutcome(kind: .snooze(delay)) }

  /// Never: becomes a dead letter with this reason.
  public static func discard(reason: String) -> TaskOutcome { TaskOutcome(kind: .discard(reason: reason)) }

  /// One word for metrics and logs: `completed`, `settled_in_transaction`, `again`, `snoozed` or `discarded`. More may come.
  public var name: String {
    switch kind {
    case .completed, .completedWith: "completed"
    case .settledInTransaction: "settled_in_transaction"
    case .again: "again"
    case .snooze: "snoozed"
    case .discard: "discarded"
    }
  }
}

/// An error that says how the attempt it ends is to be settled. Honoured in every handler.
public protocol TaskOutcomeError: Error {
  /// nil: as any other error, it is a failure and the task is retried by its policy.
  var taskOutcome: TaskOutcome? { get }
}
