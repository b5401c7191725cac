import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import PaymentsExample

extension PaymentsFixture {
  /// Sends the parts with a pause after each, as long as the server listens.
  /// - Returns: all it answered until it closed the connection.
  func talk(
    _ parts: [String],
    pause: Duration = .zero
  ) async throws -> String {
    let port = try #require(URL(string: url)?.port)
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
            wrappingChannelSynchronously: channel,
            configuration: .init(isOutboundHalfClosureEnabled: true)
          )
        }
      }
    return try await channel.executeThenClose { inbound, outbound in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for part in parts {
            try? await outbound.write(ByteBuffer(string: part))
            try await Task.sleep(for: pause)
          }
        }
        var answer = ByteBuffer()
        do {
          for try await part in inbound { answer.writeImmutableBuffer(part) }
        } catch let error as IOError where error.errnoCode == ECONNRESET {
          // Closed while we were still sending.
        }
        group.cancelAll()
        return String(buffer: answer)
      }
    }
  }
}
