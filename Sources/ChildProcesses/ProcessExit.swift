/// How a process ended.
package enum ProcessExit: Equatable, Sendable {
  /// By itself, with this status; 0 says that all went well.
  case exited(Int32)
  /// By this signal.
  case killed(Int32)
  /// Unknown: the kernel forgot it, because this process ignores `SIGCHLD`.
  case forgotten

  /// Of the status that `waitpid` reports.
  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .killed(signal)
  }

  /// nil: it did not end by itself.
  package var status: Int32? {
    if case .exited(let status) = self { status } else { nil }
  }
}
