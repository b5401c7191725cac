/// What a handler does in one attempt.
struct Behaviour: Sendable {
  enum Ending: Sendable {
    case completes
    case throwsError
    case again(after: Duration)
    case snoozes(Duration)
    case discards
    /// Settles the task in a transaction of its own, then returns.
    case completesInTransaction
    /// Enqueues so many tasks, then completes.
    case enqueues(Int)
    /// Takes its process down.
    case crashes
    /// Never ends by itself.
    case hangs
  }

  enum Cancellation: Sendable {
    /// Ends so long after it was cancelled.
    case ends(after: Duration)
    case isIgnored
  }

  /// How long it runs if nobody cancels it.
  var duration: Duration
  var ending: Ending
  var cancellation = Cancellation.ends(after: .milliseconds(2))
  /// It blocks its thread instead of suspending.
  var blocksThread = false

  var hangs: Bool { if case .hangs = ending { true } else { false } }

  static let quick = Behaviour(duration: .milliseconds(3), ending: .completes)
}
