import Foundation
import Synchronization

/// A relay between a port of 127.0.0.1 and another one, which can fall silent while all its sockets stay open.
///
/// What is silent still acknowledges what it is sent, as a frozen host's system does, so that no keepalive finds it.
final class LoopbackProxy: Sendable {
  struct Refused: Error {}

  private struct State {
    var isClosed = false
    /// Nothing moves, and new connections are accepted and get no answer.
    var isSilent = false
    /// Connections with a smaller number are silent for good.
    var firstLiving = 0
    var count = 0
  }

  let port: Int
  private let target: Int
  private let listener: Int32
  private let state = Mutex(State())
  private let threads = DispatchGroup()

  /// How long a relay waits for bytes before it looks whether it is closed.
  private static let lookMilliseconds: Int32 = 100

  init(to target: Int) throws {
    self.target = target
    let listener = Self.makeSocket()
    var address = Self.address(port: 0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(listener, raw, size) == 0 && listen(listener, 128) == 0 && getsockname(listener, raw, &size) == 0
      }
    }
    guard isListening else {
      Foundation.close(listener)
      throw Refused()
    }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    start { $0.acceptAll() }
  }

  /// Stops forwarding in both directions; what arrives is delivered after ``resume()``.
  func silence() { state.withLock { $0.isSilent = true } }

  func resume() { state.withLock { $0.isSilent = false } }

  /// Never forwards anything again on the connections of this moment, and keeps them open. New ones work.
  func forgetConnections() { state.withLock { $0.firstLiving = $0.count } }

  /// Closes all sockets and waits for that.
  func close() async {
    state.withLock { $0.isClosed = true }
    await withCheckedContinuation { continuation in
      threads.notify(queue: .global()) { continuation.resume() }
    }
  }

  // MARK: - Threads

  private func start(_ body: @escaping @Sendable (LoopbackProxy) -> Void) {
    threads.enter()
    Thread.detachNewThread { [self] in
      body(self)
      threads.leave()
    }
  }

  private func acceptAll() {
    while !state.withLock({ $0.isClosed }) {
      guard Self.awaitBytes(listener) else { continue }
      let client = accept(listener, nil, nil)
      guard client >= 0 else { continue }
      let number = state.withLock { state in
        state.count += 1
        return state.count - 1
      }
      start { $0.relay(client, number) }
    }
    Foundation.close(listener)
  }

  /// Copies bytes in both directions until one side ends.
  private func relay(_ client: Int32, _ number: Int) {
    var server: Int32 = -1
    defer {
      Foundation.close(client)
      if server >= 0 { Foundation.close(server) }
    }
    while true {
      switch mode(of: number) {
      case .closed: return
      case .silent: usleep(5_000)
      case .forwarding:
        if server < 0 {
          guard let connected = connectToTarget() else { return }
          server = connected
        }
        var descriptors = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&descriptors, 2, Self.lookMilliseconds) > 0, mode(of: number) == .forwarding else { continue }
        if descriptors[0].revents != 0, !Self.copy(from: client, to: server) { return }
        if descriptors[1].revents != 0, !Self.copy(from: server, to: client) { return }
      }
    }
  }

  private enum Mode {
    case forwarding, silent, closed
  }

  private func mode(of number: Int) -> Mode {
    state.withLock { state in
      if state.isClosed { return .closed }
      return state.isSilent || number < state.firstLiving ? .silent : .forwarding
    }
  }

  // MARK: - Sockets

  private func connectToTarget() -> Int32? {
    let descriptor = Self.makeSocket()
    var address = Self.address(port: UInt16(target))
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if status == 0 { return descriptor }
    Foundation.close(descriptor)
    return nil
  }

  private static func awaitBytes(_ descriptor: Int32) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, lookMilliseconds) > 0
  }

  /// - Returns: false at the end of either side.
  private static func copy(from source: Int32, to sink: Int32) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = read(source, &buffer, buffer.count)
    guard count > 0 else { return false }
    var rest = buffer[..<count]
    while !rest.isEmpty {
      #if canImport(Darwin)
        let flags: Int32 = 0  // SO_NOSIGPIPE is set.
      #else
        let flags = Int32(MSG_NOSIGNAL)
      #endif
      let sent = rest.withUnsafeBytes { send(sink, $0.baseAddress, $0.count, flags) }
      guard sent > 0 else { return false }
      rest = rest.dropFirst(sent)
    }
    return true
  }

  private static func makeSocket() -> Int32 {
    #if canImport(Darwin)
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
      var on: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      return descriptor
    #else
      return socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
  }

  private static func address(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    return address
  }
}
