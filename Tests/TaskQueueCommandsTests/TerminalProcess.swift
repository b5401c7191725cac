import ChildProcesses
import Foundation
import Synchronization
import TaskQueueTestKit

/// A program at a terminal of its own, as a person sits before one.
final class TerminalProcess: Sendable {
  private let master: Int32
  private let process: ChildProcess
  private let shown = Mutex([UInt8]())
  private let ended = DispatchGroup()

  /// The terminal has 100 columns and 30 lines.
  init(_ tool: Tool, _ arguments: String...) throws {
    let name: String
    (master, name) = try Self.open()
    var size = winsize()
    (size.ws_col, size.ws_row) = (100, 30)
    _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    // The shell leads a session of its own: the terminal that it opens first is the session's, so that keys are signals.
    var command = ChildCommand(
      "/bin/sh",
      ["-c", "exec \"$0\" \"$@\" < \"$TEST_TTY\" > \"$TEST_TTY\" 2>&1", ChildCommand.built(Tool.name)] + arguments,
      addedEnvironment: tool.variables().merging(["TEST_TTY": name, "TERM": "xterm", "NO_COLOR": ""]) { $1 }
    )
    command.output = .discarded
    command.errors = .discarded
    process = try ChildProcess(command)
    ended.enter()
    Thread.detachNewThread { self.read() }
  }

  /// A new terminal: our end of it, and the other one's path.
  private static func open() throws -> (master: Int32, name: String) {
    #if canImport(Darwin)
      let master = posix_openpt(O_RDWR | O_NOCTTY)
      guard master >= 0, grantpt(master) == 0, unlockpt(master) == 0, let name = ptsname(master) else {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      }
      return (master, String(cString: name))
    #else
      // As glibc's functions do it, which its module does not show: TIOCSPTLCK and TIOCGPTN.
      let master = Foundation.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
      var (isLocked, number): (Int32, UInt32) = (0, 0)
      guard master >= 0, ioctl(master, 0x4004_5431, &isLocked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
        throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
      }
      return (master, "/dev/pts/\(number)")
    #endif
  }

  deinit { close(master) }

  /// All that it has shown so far.
  var text: String { shown.withLock { String(decoding: $0, as: UTF8.self) } }

  /// Whether typed characters are shown, and handed over line by line.
  var isInLineMode: Bool {
    var modes = termios()
    guard tcgetattr(master, &modes) == 0 else { return false }
    return modes.c_lflag & tcflag_t(ECHO) != 0 && modes.c_lflag & tcflag_t(ICANON) != 0
  }

  func type(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(master, bytes, bytes.count)
  }

  func waits(until part: String) async throws {
    try await eventually("it shows \(part)") { text.contains(part) }
  }

  /// How it ended, once all that it wrote is in ``text``.
  func exit() async -> ProcessExit? {
    await process.waitForExit()
    await withCheckedContinuation { continuation in
      ended.notify(queue: .global()) { continuation.resume() }
    }
    return process.exit
  }

  /// Until the process has ended and all is read.
  private func read() {
    var bytes = [UInt8](repeating: 0, count: 4_096)
    while true {
      let isOver = !process.isRunning
      let count = Foundation.read(master, &bytes, bytes.count)
      if count > 0 {
        shown.withLock { $0 += bytes[..<count] }
      } else if isOver {
        break
      } else {
        // Nobody has the terminal open yet, or any more.
        usleep(1_000)
      }
    }
    ended.leave()
  }
}
