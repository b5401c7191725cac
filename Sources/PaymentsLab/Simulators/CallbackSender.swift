package import AsyncHTTPClient
import Foundation
package import Logging
import NIOCore
import NIOHTTP1
import PaymentsExample
import TaskQueueHTTP

/// Delivers the simulated provider's callbacks; gives up after a few tries, as providers do.
package struct CallbackSender: Sendable {
  static let maxTries = 3

  package let client: HTTPClient
  package let logger: Logger
  /// For one try.
  package var timeout = Duration.seconds(2)
  /// Doubles after each try.
  var firstPause = Duration.milliseconds(200)

  package init(
    client: HTTPClient,
    logger: Logger,
    timeout: Duration = .seconds(2),
    firstPause: Duration = .milliseconds(200)
  ) {
    self.client = client
    self.logger = logger
    self.timeout = timeout
    self.firstPause = firstPause
  }

  /// - Returns: whether it was answered 2xx.
  func send(
    _ callback: ProviderCallback,
    to url: String,
    secret: String,
    tries: Int = CallbackSender.maxTries
  ) async -> Bool {
    guard let body = try? JSONFormat.encoder().encode(callback) else { return false }
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: body))
    var pause = firstPause
    for attempt in 1...max(1, tries) {
      request.headers.replaceOrAdd(
        name: ProviderCallback.signatureHeader,
        value: CallbackSignature(secrets: [secret]).sign(body)
      )
      do {
        let response = try await client.execute(request, timeout: TimeAmount(timeout))
        if (200..<300).contains(response.status.code) { return true }
      } catch {
        logger.debug("callback failed", metadata: ["attempt": "\(attempt)"])
      }
      guard attempt < tries, (try? await Task.sleep(for: pause)) != nil else { return false }
      pause *= 2
    }
    return false
  }
}
