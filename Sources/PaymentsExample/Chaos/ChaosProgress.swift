import Foundation
import Synchronization

/// A bar of final payments on a terminal; elsewhere a line every few seconds.
final class ChaosProgress: Sendable {
  static let linePeriod = Duration.seconds(10)

  private struct State {
    var bar: ProgressBar
    var linePrintedAt = Duration.zero
  }

  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let state: Mutex<State>

  init(total: Int) {
    self.state = Mutex(State(bar: ProgressBar(total: total)))
  }

  func show(_ counts: ChaosTally.Counts, _ elapsed: Duration) {
    self.state.withLock { state in
      state.bar.show(counts.final, after: elapsed)
      guard !self.isTerminal, elapsed - state.linePrintedAt >= Self.linePeriod else { return }
      state.linePrintedAt = elapsed
      let seconds = Int(elapsed / .seconds(1))
      let line = "\(seconds) s: \(counts.accepted) accepted, \(counts.final) final\n"
      try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
    }
  }

  func finish() {
    self.state.withLock { $0.bar.finish() }
  }
}
