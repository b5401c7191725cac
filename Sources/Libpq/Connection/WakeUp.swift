#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A pipe that ends a thread's wait in `poll`. Written only for cancellation and close, so its cost doesn't matter.
final class WakeUp: Sendable {
  /// Readable after ``signal()``.
  let readEnd: Int32
  private let writeEnd: Int32

  init() throws(LibpqError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw LibpqError(.connectFailed, "no pipe could be opened (errno \(errno))") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (readEnd, writeEnd) = (ends[0], ends[1])
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// Wakes the waiting thread, or the next wait. A full pipe is signal enough.
  func signal() {
    var byte: UInt8 = 1
    _ = write(writeEnd, &byte, 1)
  }

  /// Forgets earlier signals.
  func drain() {
    var buffer = (UInt64(0), UInt64(0))
    let size = MemoryLayout.size(ofValue: buffer)
    while read(readEnd, &buffer, size) > 0 {}
  }
}
