package import AsyncHTTPClient
package import Foundation
import NIOCore
import NIOHTTP1

/// Speaks the provider's contract over HTTP.
///
/// It doesn't retry: the queue does, and it knows how often and when.
package struct ProviderClient: PaymentProvider {
  /// Largest answer that is read.
  static let maxAnswerBytes = 8 << 20
  /// Of the provider's words for a refusal.
  static let maxReasonLength = 200

  /// What our own simulator can do. Another provider of the same contract answers 404, 405 or 501 to what it can't, which
  /// is `unsupported`.
  package let capabilities = ProviderCapabilities.all

  /// A call is given up after its timeout. The limit also has room for what comes before it is sent.
  package var callLimit: Duration { timeout + .seconds(1) }

  private let client: HTTPClient
  private let baseURL: String
  private let timeout: Duration

  /// - Parameters:
  ///   - baseURL: for example `http://127.0.0.1:8090`, without a slash at the end.
  ///   - timeout: for one call, from connecting to the last byte of the answer.
  package init(client: HTTPClient, baseURL: String, timeout: Duration = .seconds(10)) {
    self.client = client
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.timeout = timeout
  }

  package func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    try await decoded(
      .POST,
      "/v1/payments",
      body: JSONFormat.encoder().encode(request),
      idempotencyKey: idempotencyKey,
      refusals: [400, 402, 422]
    )
  }

  package func execute(id: String, idempotencyKey: String) async throws {
    // Its body says nothing that the next look doesn't.
    _ = try await call(.POST, "\(Self.path(id))/execute", idempotencyKey: idempotencyKey)
  }

  package func payment(id: String) async throws -> ProviderPayment {
    try await decoded(.GET, Self.path(id), unknown: [404])
  }

  package func payments(reference: String) async throws -> [ProviderPayment] {
    let list: ProviderPaymentList = try await decoded(.GET, "/v1/payments?reference=\(Self.escaped(reference))")
    return list.payments
  }

  package func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    var path = "/v1/payments?createdSince=\(Self.escaped(RFC3339.text(window.lowerBound)))"
    path += "&createdUntil=\(Self.escaped(RFC3339.text(window.upperBound)))"
    if let cursor { path += "&after=\(Self.escaped(cursor))" }
    return try await decoded(.GET, path, unsupported: [400, 404, 405, 422, 501])
  }

  package func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment {
    try await decoded(
      .POST,
      "\(Self.path(id))/cancel",
      idempotencyKey: idempotencyKey,
      refusals: [400, 409, 422],
      unsupported: [404, 405, 501]
    )
  }

  package func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    try await decoded(
      .POST,
      "\(Self.path(request.paymentId))/refunds",
      body: JSONFormat.encoder().encode(request),
      idempotencyKey: idempotencyKey,
      refusals: [400, 402, 409, 422],
      unsupported: [404, 405, 501]
    )
  }

  package func refunds(paymentId: String) async throws -> [ProviderRefund] {
    let list: ProviderRefundList = try await decoded(
      .GET,
      "\(Self.path(paymentId))/refunds",
      unsupported: [404, 405, 501]
    )
    return list.refunds
  }

  private func decoded<Answer: Decodable>(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    idempotencyKey: String? = nil,
    refusals: Set<UInt> = [],
    unsupported: Set<UInt> = [],
    unknown: Set<UInt> = []
  ) async throws -> Answer {
    do {
      let (answer, status) = try await call(method, path, body: body, idempotencyKey: idempotencyKey)
      guard let value = try? JSONFormat.decoder().decode(Answer.self, from: answer) else {
        throw ProviderError(code: .undecodableAnswer, call: "\(method.rawValue) \(path)", httpStatus: status)
      }
      return value
    } catch var error as ProviderError where error.code == .unexpectedStatus {
      if refusals.contains(error.httpStatus) { error.code = .refused }
      if unsupported.contains(error.httpStatus) { error.code = .unsupported }
      if unknown.contains(error.httpStatus) { error.code = .unknownPayment }
      throw error
    }
  }

  private func call(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    idempotencyKey: String? = nil
  ) async throws -> (Data, status: UInt) {
    var request = HTTPClientRequest(url: baseURL + path)
    request.method = method
    if let idempotencyKey { request.headers.replaceOrAdd(name: "Idempotency-Key", value: idempotencyKey) }
    if let body {
      request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    let response = try await client.execute(request, timeout: TimeAmount(timeout))
    // The body is read before the status is believed: an answer cut short is a lost answer.
    let answer = Data(try await response.body.collect(upTo: Self.maxAnswerBytes).readableBytesView)
    guard (200..<300).contains(response.status.code) else {
      throw ProviderError(
        code: .unexpectedStatus,
        call: "\(method.rawValue) \(path)",
        httpStatus: response.status.code,
        reason: Self.reason(answer)
      )
    }
    return (answer, response.status.code)
  }

  /// The detail of an answer in problem details.
  private static func reason(_ answer: Data) -> String? {
    let problem = try? JSONFormat.decoder().decode(Problem.self, from: answer)
    return problem?.detail.map { String($0.prefix(maxReasonLength)) }
  }

  private static func path(_ id: String) -> String {
    "/v1/payments/\(escaped(id))"
  }

  /// Percent-encodes everything that could end a path segment or a query value.
  private static func escaped(_ text: String) -> String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
  }
}
