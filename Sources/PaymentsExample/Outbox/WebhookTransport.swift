package import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
package import Outbox
import TaskQueueHTTP

/// Posts events to a URL as CloudEvents, signed as the provider's callbacks are.
package struct WebhookTransport: OutboxTransport {
  /// Its form is that of `CallbackSignature`.
  static let signatureHeader = "Payments-Signature"
  /// Of an answer; more is not read.
  static let maxAnswerBytes = 64 * 1024

  package let client: HTTPClient
  package let url: String
  package let secret: String
  /// For one delivery, from connecting to the last byte of the answer.
  package var timeout = Duration.seconds(10)
  /// The events' `source`: a URI reference that no other publisher uses.
  package var source: String

  package init(
    client: HTTPClient,
    url: String,
    secret: String,
    timeout: Duration = .seconds(10),
    source: String
  ) {
    self.client = client
    self.url = url
    self.secret = secret
    self.timeout = timeout
    self.source = source
  }

  /// - Throws: ``WebhookError`` unless it was answered 2xx; what the client throws.
  package func deliver(_ event: OutboxEvent) async throws {
    let body = try JSONFormat.encoder().encode(CloudEvent(event, source: source))
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    request.headers.replaceOrAdd(name: "Content-Type", value: CloudEvent.mediaType)
    request.headers.replaceOrAdd(
      name: Self.signatureHeader,
      value: CallbackSignature(secrets: [secret]).sign(body)
    )
    request.body = .bytes(ByteBuffer(bytes: body))
    let response = try await client.execute(request, timeout: TimeAmount(timeout))
    // An answer that is cut short is none: the receiver may have died before it kept the event.
    _ = try await response.body.collect(upTo: Self.maxAnswerBytes)
    guard (200..<300).contains(response.status.code) else { throw WebhookError(status: response.status.code) }
  }
}

/// The receiver of events didn't take one.
struct WebhookError: Error, CustomStringConvertible {
  var status: UInt

  var description: String { "the webhook answered with HTTP status \(status)" }
}
