import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Speaks the app's HTTP API.
struct PaymentsClient: Sendable {
  static let maxAnswerBytes = 1 << 20

  /// An answer that isn't what was asked for.
  struct Refusal: Error, CustomStringConvertible {
    var request: String
    var status: UInt
    var problem: Problem?
    var retryAfter: Duration?

    /// Whether the same request may succeed later.
    var isTransient: Bool { self.status == 429 || self.status == 409 && self.retryAfter != nil || self.status >= 500 }

    var description: String {
      "\(self.request): HTTP status \(self.status). \(self.problem?.detail ?? self.problem?.title ?? "")"
    }
  }

  private let client: HTTPClient
  private let baseURL: String
  private let timeout: Duration

  init(client: HTTPClient, baseURL: String, timeout: Duration = .seconds(10)) {
    self.client = client
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.timeout = timeout
  }

  /// Repeating it with the same key gives the same payment.
  func create(_ payment: NewPayment, idempotencyKey: String) async throws -> Payment {
    var request = HTTPClientRequest(url: "\(self.baseURL)/payments")
    request.method = .POST
    request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    request.headers.replaceOrAdd(name: "Idempotency-Key", value: idempotencyKey)
    request.body = .bytes(ByteBuffer(bytes: try JSONFormat.encoder().encode(payment)))
    return try await self.send(request, expecting: [.accepted])
  }

  func payment(_ id: Int64) async throws -> PaymentDetails {
    try await self.send(HTTPClientRequest(url: "\(self.baseURL)/payments/\(id)"), expecting: [.ok])
  }

  private func send<Answer: Decodable>(
    _ request: HTTPClientRequest,
    expecting expected: Set<HTTPResponseStatus>
  ) async throws -> Answer {
    let response = try await self.client.execute(request, timeout: TimeAmount(self.timeout))
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
