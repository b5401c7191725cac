package import AsyncHTTPClient
import Foundation
import NIOCore

extension HTTPClient.Configuration {
  /// For so many requests to one server at a time; the standard 8 would let the others wait. Follows no redirect: a request
  /// that moves money goes where it was sent, or nowhere. A connection that is refused is an error at once: who asked knows better when to
  /// try again than the client, which would wait longer each time.
  package static func connections(_ connections: Int) -> Self {
    var configuration = Self()
    configuration.redirectConfiguration = .disallow
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, connections)
    return configuration
  }
}

extension HTTPClient {
  /// The whole answer. It is read before its status is believed: one that is cut short is lost.
  ///
  /// - Parameter limit: from connecting to the last byte. The client's own ends with the head of the answer.
  func answer(
    _ request: HTTPClientRequest,
    within limit: Duration,
    atMost maxBytes: Int
  ) async throws -> (HTTPClientResponse, Data) {
    try await withThrowingTaskGroup(of: (HTTPClientResponse, Data).self) { group in
      group.addTask {
        let response = try await self.execute(request, timeout: TimeAmount(limit))
        return (response, Data(try await response.body.collect(upTo: maxBytes).readableBytesView))
      }
      group.addTask {
        try await ContinuousClock().sleep(for: limit)
        throw HTTPClientError.deadlineExceeded
      }
      defer { group.cancelAll() }
      guard let answer = try await group.next() else { throw CancellationError() }
      return answer
    }
  }
}
