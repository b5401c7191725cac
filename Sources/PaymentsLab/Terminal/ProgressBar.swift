import Foundation

/// One line on standard error, redrawn while work goes on. Silent if that isn't a terminal.
package struct ProgressBar {
  static let width = 40
  /// Shortest time between two drawings.
  static let frame = Duration.milliseconds(50)

  package let total: Int
  private let isTerminal: Bool
  private var drawnAt: Duration?

  package init(total: Int, isTerminal: Bool = isatty(STDERR_FILENO) == 1) {
    self.total = total
    self.isTerminal = isTerminal
  }

  package mutating func show(_ done: Int, after elapsed: Duration) {
    guard isTerminal else { return }
    if let drawnAt, elapsed - drawnAt < Self.frame, done < total { return }
    self.drawnAt = elapsed
    write("\r\(line(done, after: elapsed))\u{1B}[K")
  }

  /// Leaves the line.
  package func finish() {
    if isTerminal { write("\n") }
  }

  package func line(_ done: Int, after elapsed: Duration) -> String {
    let filled = total == 0 ? Self.width : done * Self.width / total
    let bar = String(repeating: "■", count: filled) + String(repeating: "·", count: Self.width - filled)
    let seconds = elapsed / .seconds(1)
    let rate = seconds > 0 ? Int((Double(done) / seconds).rounded()) : 0
    return "  [\(bar)] \(done)/\(total)  \(rate)/s"
  }

  private func write(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
  }
}
