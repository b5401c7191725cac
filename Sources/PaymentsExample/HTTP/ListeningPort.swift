import NIOCore

/// Tells one waiting caller the port a server got.
struct ListeningPort: Sendable {
  private let ports: AsyncStream<Int>
  private let continuation: AsyncStream<Int>.Continuation

  init() {
    (self.ports, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func report(_ channel: any Channel) {
    if let port = channel.localAddress?.port { self.continuation.yield(port) }
  }

  /// Waits until the server listens. For one caller, once.
  /// - Throws: `CancellationError`.
  func wait() async throws -> Int {
    for await port in self.ports { return port }
    throw CancellationError()
  }
}
