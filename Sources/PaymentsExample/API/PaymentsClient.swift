package import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Speaks the app's HTTP API.
package struct PaymentsClient: Sendable {
  static let maxAnswerBytes = 1 << 20

  /// An answer that isn't what was asked for.
  package struct Refusal: Error, CustomStringConvertible {
    package var request: String
    package var status: UInt
    package var problem: Problem?
    package var retryAfter: Duration?

    /// Whether the same request may succeed later.
    package var isTransient: Bool { status == 429 || status == 409 && retryAfter != nil || status >= 500 }

    package var description: String {
      "\(request): HTTP status \(status). \(problem?.detail ?? problem?.title ?? "")"
    }
  }

  private let client: HTTPClient
  private let baseURL: String
  private let timeout: Duration

  package init(client: HTTPClient, baseURL: String, timeout: Duration = .seconds(10)) {
    self.client = client
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.timeout = timeout
  }

  /// Repeating it with the same key gives the same payment.
  package func create(_ payment: NewPayment, idempotencyKey: String) async throws -> Payment {
    var request = HTTPClientRequest(url: "\(baseURL)/payments")
    request.method = .POST
    request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    request.headers.replaceOrAdd(name: "Idempotency-Key", value: idempotencyKey)
    request.body = .bytes(ByteBuffer(bytes: try JSONFormat.encoder().encode(payment)))
    return try await send(request, expecting: [.accepted])
  }

  package func payment(_ id: Int64) async throws -> PaymentDetails {
    try await send(HTTPClientRequest(url: "\(baseURL)/payments/\(id)"), expecting: [.ok])
  }

  private func send<Answer: Decodable>(
    _ request: HTTPClientRequest,
    expecting expected: Set<HTTPResponseStatus>
  ) async throws -> Answer {
    let response = try await client.execute(request, timeout: TimeAmount(timeout))
    let body = Data(try await response.body.collect(upTo: Self.maxAnswerBytes).readableBytesView)
    guard expected.contains(response.status) else {
      throw Refusal(
        request: "\(request.method.rawValue) \(request.url)",
        status: response.status.code,
        problem: try? JSONFormat.decoder().decode(Problem.self, from: body),
        retryAfter: response.headers.first(name: "Retry-After").flatMap(Int.init).map { .seconds($0) }
      )
    }
    return try JSONFormat.decoder().decode(Answer.self, from: body)
  }
}
