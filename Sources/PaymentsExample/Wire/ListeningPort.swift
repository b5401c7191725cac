package import NIOCore

/// Tells one waiting caller the port a server got.
package struct ListeningPort: Sendable {
  private let ports: AsyncStream<Int>
  private let continuation: AsyncStream<Int>.Continuation

  package init() {
    (ports, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  package func report(_ channel: any Channel) {
    if let port = channel.localAddress?.port { continuation.yield(port) }
  }

  /// Waits until the server listens. For one caller, once.
  /// - Throws: `CancellationError`.
  package func wait() async throws -> Int {
    for await port in ports { return port }
    throw CancellationError()
  }
}
