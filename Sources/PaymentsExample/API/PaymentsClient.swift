package import AsyncHTTPClient
import Foundation
import NIOHTTP1
package import TaskQueueHTTP

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

  private let caller: JSONCaller

  /// - Parameter key: of `payments keys add`; nil: the API has none.
  package init(client: HTTPClient, baseURL: String, timeout: Duration = .seconds(10), key: String? = nil) {
    caller = JSONCaller(
      client: client,
      baseURL: baseURL,
      timeout: timeout,
      maxAnswerBytes: Self.maxAnswerBytes,
      key: key
    )
  }

  /// Repeating it with the same key gives the same payment.
  package func create(_ payment: NewPayment, idempotencyKey: String) async throws -> Payment {
    let body = try JSONFormat.encoder().encode(payment)
    return try await call(.POST, "/payments", body: body, idempotencyKey: idempotencyKey, expecting: .accepted)
  }

  package func payment(_ id: PaymentID) async throws -> PaymentDetails {
    try await call(.GET, "/payments/\(id)", expecting: .ok)
  }

  /// - Returns: nothing, also if it was final before.
  package func cancel(_ id: PaymentID) async throws {
    let answer = try await caller.call(.POST, "/payments/\(id)/cancel")
    guard answer.status == .ok || answer.status == .accepted || answer.status == .conflict else {
      throw await refusal("POST", "/payments/\(id)/cancel", answer)
    }
  }

  /// Pays back all that is left. Repeating it changes nothing, unless it has failed.
  package func refund(_ id: PaymentID) async throws -> Refund {
    try await call(.POST, "/payments/\(id)/refund", expecting: .accepted)
  }

  private func call<Value: Decodable & Sendable>(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    idempotencyKey: String? = nil,
    expecting expected: HTTPResponseStatus
  ) async throws -> Value {
    let answer = try await caller.call(method, path, body: body, idempotencyKey: idempotencyKey)
    guard answer.status == expected else {
      throw await refusal(method.rawValue, path, answer)
    }
    return try await answer.decoded()
  }

  private func refusal(_ method: String, _ path: String, _ answer: JSONCaller.Answer) async -> Refusal {
    Refusal(
      request: "\(method) \(caller.baseURL)\(path)",
      status: answer.status.code,
      problem: try? await answer.decoded(),
      retryAfter: answer.headers.first(name: "Retry-After").flatMap(Int.init).map { .seconds($0) }
    )
  }
}
