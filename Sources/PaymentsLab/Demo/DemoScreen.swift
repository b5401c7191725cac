import Foundation

/// Standard output as the demo uses it: on a terminal the last lines are redrawn in place, else only news are written.
struct DemoScreen {
  /// The longest line that is drawn.
  static let columns = 80

  /// Whether lines can be redrawn.
  let isTerminal: Bool
  private var drawnLines = 0

  init(isTerminal: Bool) {
    self.isTerminal = isTerminal
  }

  /// Redraws if standard output is a terminal in which that many lines fit: what has scrolled away can't be redrawn.
  init(lines: Int) {
    var size = winsize()
    let isTerminal =
      isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
      && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    self.init(isTerminal: isTerminal && Int(size.ws_row) > lines && Int(size.ws_col) >= Self.columns)
  }

  /// A line that stays, above the redrawn ones.
  mutating func say(_ line: String = "") {
    erase()
    write(line + "\n")
  }

  /// Draws the lines in place of those drawn last. Nothing if it isn't a terminal.
  mutating func draw(_ lines: [String]) {
    guard isTerminal else { return }
    erase()
    write(lines.map { $0 + "\n" }.joined())
    drawnLines = lines.count
  }

  /// Leaves the drawn lines where they are.
  mutating func settle() {
    drawnLines = 0
  }

  private mutating func erase() {
    guard drawnLines > 0 else { return }
    write("\u{1B}[\(drawnLines)A\u{1B}[J")
    drawnLines = 0
  }

  private func write(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
  }
}
