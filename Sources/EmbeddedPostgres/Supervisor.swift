import Foundation

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A shell that owns one cluster, and our end of the channel to it.
///
/// The channel is what keeps the cluster alive: the shell removes the cluster when the last descriptor of our end is
/// closed, which the kernel does however this process ends. All functions block: call them on a thread of their own.
struct Supervisor: Sendable {
  let processID: pid_t
  let channel: Int32

  /// Starts the shell in a session of its own, so that Ctrl-C in a terminal reaches us, but neither it nor the server.
  static func launch(_ arguments: [String]) throws(EmbeddedPostgresError) -> Supervisor {
    let (ours, theirs) = try socketPair()
    defer { _ = close(theirs) }

    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
      let flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_CLOEXEC_DEFAULT
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
      // POSIX_SPAWN_SETSID of glibc and musl, which the module map does not show.
      let newSession: Int32 = 0x80
      let flags = newSession | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK)
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { _ = posix_spawn_file_actions_destroy(&actions) }
    for standardStream in 0...2 as ClosedRange<Int32> {
      posix_spawn_file_actions_adddup2(&actions, theirs, standardStream)
    }
    for descriptor in otherDescriptors() {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    posix_spawnattr_init(&attributes)
    defer { _ = posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var argumentPointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var environmentPointers: [UnsafeMutablePointer<CChar>?] = environment().map { strdup($0) } + [nil]
    defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
    var processID: pid_t = 0
    let status = posix_spawn(
      &processID,
      arguments[0],
      &actions,
      &attributes,
      &argumentPointers,
      &environmentPointers
    )
    guard status == 0 else {
      _ = close(ours)
      throw EmbeddedPostgresError(code: .startFailed, message: "cannot run \(arguments[0]): \(text(of: status))")
    }
    return Supervisor(processID: processID, channel: ours)
  }

  /// Sends one command.
  func send(_ command: String) {
    var line = Array((command + "\n").utf8)[...]
    while !line.isEmpty {
      #if canImport(Darwin)
        let flags: Int32 = 0  // SO_NOSIGPIPE is set.
      #else
        let flags = Int32(MSG_NOSIGNAL)
      #endif
      let count = line.withUnsafeBytes { Foundation.send(channel, $0.baseAddress, $0.count, flags) }
      if count < 0 {
        if errno == EINTR { continue }
        return  // The shell is gone: reading its reply will tell.
      }
      line = line.dropFirst(count)
    }
  }

  /// Reads up to and including the next line break; `nil` when the shell is gone.
  func readLine() -> String? {
    var line: [UInt8] = []
    while true {
      var byte: UInt8 = 0
      switch recv(channel, &byte, 1, 0) {
      case 1 where byte == UInt8(ascii: "\n"):
        return String(decoding: line, as: UTF8.self)
      case 1:
        line.append(byte)
      case -1 where errno == EINTR:
        continue
      default:
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
      }
    }
  }

  /// Tells the shell to remove the cluster.
  func hangUp() {
    _ = close(channel)
  }

  /// Waits until the shell has removed the cluster.
  func waitForExit() {
    var status: Int32 = 0
    while waitpid(processID, &status, 0) == -1, errno == EINTR {}
  }

  /// Both ends are closed in every other child, so that none of them keeps the cluster alive.
  private static func socketPair() throws(EmbeddedPostgresError) -> (ours: Int32, theirs: Int32) {
    var ends: [Int32] = [-1, -1]
    #if canImport(Darwin)
      let status = socketpair(AF_UNIX, SOCK_STREAM, 0, &ends)
    #else
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
      let status = socketpair(AF_UNIX, kind, 0, &ends)
    #endif
    guard status == 0 else {
      throw EmbeddedPostgresError(code: .startFailed, message: "cannot create a socket pair: \(text(of: errno))")
    }
    #if canImport(Darwin)
      var on: Int32 = 1
      setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #endif
    return (ends[0], ends[1])
  }

  /// Descriptors of ours that the server must not keep open after us, such as a listening socket.
  private static func otherDescriptors() -> [Int32] {
    #if canImport(Darwin)
      return []  // POSIX_SPAWN_CLOEXEC_DEFAULT
    #else
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
      return names.compactMap { Int32($0) }.filter { $0 > 2 }
    #endif
  }

  /// No `PG…` variable of ours may reach the server's programs.
  private static func environment() -> [String] {
    let ours = ProcessInfo.processInfo.environment
    let kept = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ"].compactMap { name in
      ours[name].map { "\(name)=\($0)" }
    }
    return kept + ["LC_ALL=C", "PATH=\(ours["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")"]
  }

  private static func text(of errorNumber: Int32) -> String {
    String(cString: strerror(errorNumber))
  }
}
