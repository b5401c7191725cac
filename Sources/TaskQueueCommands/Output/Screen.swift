import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The terminal's other screen, drawn as a whole. What was there comes back when it is closed.
final class Screen: Sendable {
  /// The terminal's modes from before; nil: closed, or standard input is no terminal.
  private let saved: Mutex<termios?>
  private let isOpen = Mutex(true)

  init() {
    var modes = termios()
    if isatty(STDIN_FILENO) != 0, tcgetattr(STDIN_FILENO, &modes) == 0 {
      saved = Mutex(modes)
      // A key comes at once and is not shown; signals stay.
      modes.c_lflag &= ~tcflag_t(ICANON | ECHO)
      tcsetattr(STDIN_FILENO, TCSANOW, &modes)
    } else {
      saved = Mutex(nil)
    }
    Terminal.write("\u{1B}[?1049h\u{1B}[?25l")
  }

  func close() {
    let wasOpen = isOpen.withLock { isOpen in
      defer { isOpen = false }
      return isOpen
    }
    guard wasOpen else { return }
    Terminal.write("\u{1B}[?25h\u{1B}[?1049l")
    saved.withLock { saved in
      guard var modes = saved else { return }
      tcsetattr(STDIN_FILENO, TCSANOW, &modes)
      saved = nil
    }
  }

  /// Each line over the old one, so that nothing flickers.
  func draw(_ lines: [String]) {
    Terminal.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
  }

  /// Whether `q` was typed.
  func hasQuit() -> Bool {
    guard saved.withLock({ $0 != nil }) else { return false }
    var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    while poll(&descriptor, 1, 0) > 0, descriptor.revents & Int16(POLLIN) != 0 {
      var byte: UInt8 = 0
      guard read(STDIN_FILENO, &byte, 1) == 1 else { return true }
      if byte == UInt8(ascii: "q") || byte == UInt8(ascii: "Q") { return true }
    }
    return false
  }
}
