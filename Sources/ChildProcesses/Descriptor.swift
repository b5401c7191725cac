import Foundation

/// An open file descriptor, closed with its owner. No child inherits it by accident.
struct Descriptor: ~Copyable, Sendable {
  /// Our end and the child's end of one channel.
  struct Pair: ~Copyable, Sendable {
    var ours: Descriptor
    var theirs: Descriptor
  }

  let number: Int32

  /// Above the standard streams, so that to put one in a child's place never overwrites another.
  private init(owning number: Int32) {
    guard number <= 2 else {
      self.number = number
      return
    }
    self.number = fcntl(number, F_DUPFD_CLOEXEC, 3)
    _ = close(number)
  }

  deinit {
    _ = close(number)
  }

  /// For a child's standard input. A socket and no pipe: writing to a child that is gone fails then, and sends no `SIGPIPE`.
  static func socketPair() throws(ChildProcessError) -> Pair {
    var ends: [Int32] = [-1, -1]
    #if canImport(Darwin)
      let status = socketpair(AF_UNIX, SOCK_STREAM, 0, &ends)
    #else
      let status = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    #endif
    guard status == 0 else { throw ChildProcessError("cannot create a socket pair", errno) }
    #if canImport(Darwin)
      var on: Int32 = 1
      setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #endif
    return Pair(ours: Descriptor(owning: ends[0]), theirs: Descriptor(owning: ends[1]))
  }

  /// For what a child writes. A child that starts between the two steps gets both ends: one at a time.
  static func pipe() throws(ChildProcessError) -> Pair {
    var ends: [Int32] = [-1, -1]
    guard Foundation.pipe(&ends) == 0 else { throw ChildProcessError("cannot create a pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return Pair(ours: Descriptor(owning: ends[0]), theirs: Descriptor(owning: ends[1]))
  }

  /// Sends all bytes of a text through a socket.
  /// - Returns: whether they were taken; false once nobody can read them.
  borrowing func send(_ text: String) -> Bool {
    #if canImport(Darwin)
      let flags: Int32 = 0  // SO_NOSIGPIPE is set.
    #else
      let flags = Int32(MSG_NOSIGNAL)
    #endif
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.send(number, $0.baseAddress, $0.count, flags) }
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Waits for bytes; none at the end, and after an error.
  borrowing func read() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.readBytes)
    while true {
      let count = Foundation.read(number, &bytes, bytes.count)
      if count >= 0 { return Array(bytes.prefix(count)) }
      guard errno == EINTR else { return [] }
    }
  }

  /// Of one read.
  private static let readBytes = 65_536
}
