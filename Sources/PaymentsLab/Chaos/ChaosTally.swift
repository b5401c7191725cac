import Foundation
import Synchronization

/// What has happened in a chaos run so far.
package final class ChaosTally: Sendable {
  package struct Counts: Sendable {
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
    /// How often new payments went to another provider from then on.
    var switches = 0
    /// Refunds that somebody asked for.
    var refunds = 0
    /// How often somebody looked whether the ledger is right, and what was found: has to stay 0.
    var ledgerLooks = 0
    var ledgerDifferences = 0
  }

  private let state = Mutex(Counts())

  var counts: Counts { state.withLock { $0 } }

  func change(_ change: @Sendable (inout Counts) -> Void) {
    state.withLock { change(&$0) }
  }
}

/// A bar of final payments on a terminal; elsewhere a line every few seconds.
package final class ChaosProgress: Sendable {
  static let linePeriod = Duration.seconds(10)

  private struct State {
    var bar: ProgressBar
    var linePrintedAt = Duration.zero
  }

  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let state: Mutex<State>

  package init(total: Int) {
    state = Mutex(State(bar: ProgressBar(total: total)))
  }

  package func show(_ counts: ChaosTally.Counts, _ elapsed: Duration) {
    state.withLock { state in
      state.bar.show(counts.final, after: elapsed)
      guard !isTerminal, elapsed - state.linePrintedAt >= Self.linePeriod else { return }
      state.linePrintedAt = elapsed
      let seconds = Int(elapsed / .seconds(1))
      let line = "\(seconds) s: \(counts.accepted) accepted, \(counts.final) final\n"
      try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
    }
  }

  package func finish() {
    state.withLock { $0.bar.finish() }
  }
}
