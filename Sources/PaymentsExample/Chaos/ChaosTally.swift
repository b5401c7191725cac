import Synchronization

/// What has happened in a chaos run so far.
final class ChaosTally: Sendable {
  struct Counts: Sendable {
    /// Payments that the API has accepted.
    var accepted = 0
    /// Requests sent a second time under their key, although they were answered.
    var repeated = 0
    /// Repetitions that got another payment: has to stay 0.
    var doubled = 0
    /// Requests without a usable answer.
    var unanswered = 0
    var final = 0
    var databaseRestarts = 0
  }

  private let state = Mutex(Counts())

  var counts: Counts { self.state.withLock { $0 } }

  func change(_ change: @Sendable (inout Counts) -> Void) {
    self.state.withLock { change(&$0) }
  }
}
