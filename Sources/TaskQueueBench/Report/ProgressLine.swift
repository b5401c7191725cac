import Foundation
import Synchronization

/// What runs now, on standard error: one line rewritten on a terminal, a line per step in a pipe.
final class ProgressLine: Sendable {
  private struct State {
    var done = 0
    var total = 0
    var shown = ""
    var shownAt = ContinuousClock.now
  }

  /// In a pipe, updates come at most this often.
  private static let updateInterval: Duration = .seconds(10)

  private let isTerminal: Bool
  private let estimates: Bool
  private let start = ContinuousClock.now
  private let state: Mutex<State>
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - steps: how many calls of ``step(_:)`` there will be; 0: unknown, they aren't counted.
  ///   - estimates: whether the steps are alike, so that the time left can be told.
  convenience init(steps: Int, estimates: Bool = true) {
    self.init(steps: steps, estimates: estimates, isTerminal: isatty(STDERR_FILENO) == 1) { text in
      try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
  }

  init(steps: Int, estimates: Bool, isTerminal: Bool, write: @escaping @Sendable (String) -> Void) {
    self.isTerminal = isTerminal
    self.estimates = estimates
    self.write = write
    state = Mutex(State(total: steps))
  }

  /// Begins the next step.
  func step(_ text: String) {
    let seconds = start.duration(to: .now) / .seconds(1)
    state.withLock { state in
      let line = Self.line(text, done: state.done, total: state.total, seconds: estimates ? seconds : nil)
      state.done += 1
      show(line, &state)
    }
  }

  /// Changes the line of the step under way; in a pipe it says so now and then.
  func update(_ text: String) {
    state.withLock { state in
      guard isTerminal || state.shownAt.duration(to: .now) >= Self.updateInterval else { return }
      show(text, &state)
    }
  }

  /// Clears the line.
  func finish() {
    guard isTerminal else { return }
    state.withLock { _ in write("\r\u{1B}[K") }
  }

  private func show(_ line: String, _ state: inout State) {
    guard line != state.shown else { return }
    state.shown = line
    state.shownAt = .now
    write(isTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n")
  }

  /// Such as `[12/40] drain, round 2/5 · about 30 s left`.
  static func line(_ text: String, done: Int, total: Int, seconds: Double?) -> String {
    guard total > 0 else { return text }
    var line = "[\(done + 1)/\(total)] \(text)"
    if let seconds, done > 0, total >= done {
      line += " · about \(NumberText.duration(seconds / Double(done) * Double(total - done))) left"
    }
    return line
  }
}
