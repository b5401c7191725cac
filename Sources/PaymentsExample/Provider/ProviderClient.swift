package import AsyncHTTPClient
package import Foundation
import NIOHTTP1
import TaskQueueHTTP

/// Speaks the provider's contract over HTTP.
///
/// It doesn't retry: the queue does, and it knows how often and when. The contract is described in `docs/provider-contract.md`.
package struct ProviderClient: PaymentProvider, CustomReflectable {
  /// Largest answer that is read.
  static let maxAnswerBytes = 8 << 20
  /// Of the provider's words for a refusal.
  static let maxReasonLength = 200

  /// What our own simulator can do. Another provider of the same contract answers 404, 405 or 501 to what it can't, which
  /// is `unsupported`.
  package let capabilities = ProviderCapabilities.all

  /// A call is given up after its timeout. The limit also has room for what comes before it is sent.
  package var callLimit: Duration { caller.timeout + .seconds(1) }

  let caller: JSONCaller
  /// Registered with every payment, and told apart by in the books: see ``PaymentNamespace``. nil: the provider's books are ours alone.
  private let namespace: String?

  /// - Parameters:
  ///   - baseURL: for example `http://127.0.0.1:8090`, without a slash at the end.
  ///   - key: a bearer token, sent with every call; nil: none.
  ///   - namespace: of this database; nil: nobody else uses the provider.
  ///   - timeout: for one call, from connecting to the last byte of the answer.
  package init(
    client: HTTPClient,
    baseURL: String,
    key: String? = nil,
    namespace: String? = nil,
    timeout: Duration = .seconds(10)
  ) {
    self.namespace = namespace
    caller = JSONCaller(
      client: client,
      baseURL: baseURL,
      timeout: timeout,
      maxAnswerBytes: Self.maxAnswerBytes,
      key: key
    )
  }

  /// Leaves out the key, and the HTTP client, whose insides remember the headers of requests.
  package var customMirror: Mirror { Mirror(self, children: ["baseURL": caller.baseURL]) }

  package func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    var request = request
    request.namespace = namespace
    return try await decoded(
      .POST,
      "/v1/payments",
      body: JSONFormat.encoder().encode(request),
      idempotencyKey: idempotencyKey,
      refusals: [400, 402, 422]
    )
  }

  @discardableResult
  package func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? {
    let refusals: Set<UInt> = [400, 402, 403, 409, 422]
    let answer = try await call(
      .POST,
      "\(Self.path(id))/execute",
      idempotencyKey: idempotencyKey,
      refusals: refusals,
      unknown: [404]
    )
    // That it worked says the status already.
    return (try? await answer.decoded(ProviderPayment.self)).flatMap { $0.id == id ? $0 : nil }
  }

  package func payment(id: String) async throws -> ProviderPayment {
    let entry: ProviderPayment = try await decoded(.GET, Self.path(id), unknown: [404])
    // Of another one it says nothing.
    guard entry.id == id else {
      throw ProviderError(code: .undecodableAnswer, call: "GET \(Self.path(id))", httpStatus: 200)
    }
    return entry
  }

  package func payments(reference: String) async throws -> [ProviderPayment] {
    let list: ProviderPaymentList = try await decoded(.GET, "/v1/payments?reference=\(JSONCaller.escaped(reference))")
    return list.payments
  }

  package func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    var path = "/v1/payments?createdSince=\(JSONCaller.escaped(RFC3339.text(window.lowerBound)))"
    path += "&createdUntil=\(JSONCaller.escaped(RFC3339.text(window.upperBound)))"
    if let cursor { path += "&after=\(JSONCaller.escaped(cursor))" }
    var page: ProviderPage = try await decoded(.GET, path, unsupported: [400, 404, 405, 422, 501])
    // A provider that doesn't know namespaces shows none: then everything is in our books.
    page.payments.removeAll { $0.namespace != nil && $0.namespace != namespace }
    return page
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

  package func disputes(paymentId: String) async throws -> [ProviderRefund] {
    let list: ProviderDisputeList = try await decoded(
      .GET,
      "\(Self.path(paymentId))/disputes",
      unsupported: [404, 405, 501]
    )
    return list.disputes
  }

  private func decoded<Value: Decodable & Sendable>(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    idempotencyKey: String? = nil,
    refusals: Set<UInt> = [],
    unsupported: Set<UInt> = [],
    unknown: Set<UInt> = []
  ) async throws -> Value {
    let answer = try await call(
      method,
      path,
      body: body,
      idempotencyKey: idempotencyKey,
      refusals: refusals,
      unsupported: unsupported,
      unknown: unknown
    )
    guard let value = try? await answer.decoded(Value.self) else {
      throw ProviderError(
        code: .undecodableAnswer,
        call: "\(method.rawValue) \(path)",
        httpStatus: answer.status.code
      )
    }
    return value
  }

  private func call(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    idempotencyKey: String? = nil,
    refusals: Set<UInt> = [],
    unsupported: Set<UInt> = [],
    unknown: Set<UInt> = []
  ) async throws -> JSONCaller.Answer {
    let answer = try await caller.call(method, path, body: body, idempotencyKey: idempotencyKey)
    let status = answer.status.code
    guard (200..<300).contains(status) else {
      var error = ProviderError(
        code: .unexpectedStatus,
        call: "\(method.rawValue) \(path)",
        httpStatus: status,
        reason: await reason(answer)
      )
      if refusals.contains(status) { error.code = .refused }
      if unsupported.contains(status) { error.code = .unsupported }
      if unknown.contains(status) { error.code = .unknownPayment }
      if error.code == .unexpectedStatus { error.retryAfter = ProviderError.retryAfter(answer.headers) }
      throw error
    }
    return answer
  }

  /// The detail of an answer in problem details, without our key, should the provider have put it there.
  private func reason(_ answer: JSONCaller.Answer) async -> String? {
    guard var detail = (try? await answer.decoded(Problem.self))?.detail else { return nil }
    if let key = caller.key { detail = detail.replacing(key, with: "…") }
    return String(detail.prefix(Self.maxReasonLength))
  }

  private static func path(_ id: String) -> String {
    "/v1/payments/\(JSONCaller.escaped(id))"
  }
}
