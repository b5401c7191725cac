#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the command's input and output are.
struct Terminal: Sendable {
  var isInput: Bool
  var isOutput: Bool
  var isError: Bool
  /// Columns; nil: as many as need be, since nobody's eyes limit them.
  var width: Int?
  var style: Style

  static var current: Terminal {
    let environment = ProcessInfo.processInfo.environment
    let isOutput = isatty(STDOUT_FILENO) != 0
    let isPlain = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
    // Without a terminal COLUMNS says so on purpose: a shell does not export its own.
    let told = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    return Terminal(
      isInput: isatty(STDIN_FILENO) != 0,
      isOutput: isOutput,
      isError: isatty(STDERR_FILENO) != 0,
      width: isOutput ? size().map(\.columns) ?? told ?? 80 : told,
      style: Style(isOn: isOutput && !isPlain)
    )
  }

  /// Of standard output now; nil: no terminal, or one that does not say.
  static func size() -> (columns: Int, lines: Int)? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// All of it. Whoever reads no more ends the command without a word, as `SIGPIPE` does. Results that cannot be written, such as to a full disk, end it with
  /// ``ExitStatus/outputLost``; what is said to standard error and cannot be is lost.
  static func write(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { platformWrite(descriptor, $0) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0, errno == EINTR || errno == EAGAIN {
        continue
      } else {
        let problem = errno
        if problem == EPIPE { _exit(brokenPipeStatus) }
        guard descriptor == STDOUT_FILENO else { return }
        write("error: The output cannot be written: \(String(cString: strerror(problem))).\n", to: STDERR_FILENO)
        _exit(ExitStatus.outputLost)
      }
    }
  }

  /// 128 and the signal's number, as shells report it.
  static let brokenPipeStatus: Int32 = 128 + SIGPIPE

  private static func platformWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Darwin)
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Glibc)
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }
}
