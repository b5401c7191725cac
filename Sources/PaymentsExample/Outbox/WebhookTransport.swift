import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Posts events to a URL, signed as the provider's callbacks are.
struct WebhookTransport: EventTransport {
  /// Same form as ``ProviderSignature``.
  static let signatureHeader = "Payments-Signature"
  /// Of an answer; more is not read.
  static let maxAnswerBytes = 64 * 1024

  let client: HTTPClient
  let url: String
  let secret: String
  /// For one delivery, from connecting to the last byte of the answer.
  var timeout = Duration.seconds(10)

  /// - Throws: ``WebhookError`` unless it was answered 2xx; what the client throws.
  func publish(_ event: CloudEvent) async throws {
    let body = try JSONFormat.encoder().encode(event)
    var request = HTTPClientRequest(url: self.url)
    request.method = .POST
    request.headers.replaceOrAdd(name: "Content-Type", value: CloudEvent.mediaType)
    request.headers.replaceOrAdd(
      name: Self.signatureHeader,
      value: ProviderSignature.make(body: body, secret: self.secret, at: Date())
    )
    request.body = .bytes(ByteBuffer(bytes: body))
    let response = try await self.client.execute(request, timeout: TimeAmount(self.timeout))
    // An answer that is cut short is none: the receiver may have died before it kept the event.
    _ = try await response.body.collect(upTo: Self.maxAnswerBytes)
    guard (200..<300).contains(response.status.code) else { throw WebhookError(status: response.status.code) }
  }
}
