import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TaskQueueHTTP

extension StripeClient {
  /// Largest answer that is read.
  static let maxAnswerBytes = 8 << 20

  package func get<Answer: Decodable & Sendable>(_ path: String, _ query: StripeForm) async throws -> Answer {
    do {
      return try await send(.GET, path, query: query)
    } catch var error as ProviderError where error.code == .refused && error.httpStatus == 404 {
      error.code = .unknownPayment
      throw error
    }
  }

  package func post<Answer: Decodable & Sendable>(_ path: String, _ form: StripeForm, _ idempotencyKey: String)
    async throws
    -> Answer
  {
    try await send(.POST, path, form: form, idempotencyKey: idempotencyKey)
  }

  private func send<Answer: Decodable & Sendable>(
    _ method: HTTPMethod,
    _ path: String,
    query: StripeForm = [:],
    form: StripeForm? = nil,
    idempotencyKey: String? = nil
  ) async throws -> Answer {
    var request = HTTPClientRequest(
      url: configuration.url + path + (query.isEmpty ? "" : "?\(query.text)")
    )
    request.method = method
    request.headers.replaceOrAdd(name: "Authorization", value: configuration.key.authorization)
    request.headers.replaceOrAdd(name: "Stripe-Version", value: Self.version)
    if let idempotencyKey { request.headers.replaceOrAdd(name: "Idempotency-Key", value: idempotencyKey) }
    if let form {
      request.headers.replaceOrAdd(name: "Content-Type", value: "application/x-www-form-urlencoded")
      request.body = .bytes(ByteBuffer(string: form.text))
    }
    let (response, answer) = try await client.answer(
      request,
      within: configuration.timeout,
      atMost: Self.maxAnswerBytes
    )
    let call = "\(method.rawValue) \(path)"
    guard (200..<300).contains(response.status.code) else {
      throw await error(call, status: response.status.code, headers: response.headers, answer)
    }
    guard let value = try? await StrictJSON.read(Answer.self, from: answer, decoder: JSONFormat.decoder()) else {
      throw ProviderError(code: .undecodableAnswer, call: call, httpStatus: response.status.code)
    }
    return value
  }

  /// A refusal only by Stripe's own word, in its own format: any other error, also a 404 of something in between, leaves
  /// open what happened. `Stripe-Should-Retry: true` overrules it; `false` means nothing to us, who ask the books.
  private func error(_ call: String, status: UInt, headers: HTTPHeaders, _ answer: Data) async -> ProviderError {
    let failure = try? await StrictJSON.read(StripeFailure.self, from: answer, decoder: JSONFormat.decoder())
    let isRefusal =
      headers.first(name: "Stripe-Should-Retry") != "true" && failure?.isRefusal(status: status) ?? false
    let reason = failure.map { configuration.key.redact($0.reason) } ?? ""
    return ProviderError(
      code: isRefusal ? .refused : .unexpectedStatus,
      call: call,
      httpStatus: status,
      reason: reason.isEmpty ? nil : String(reason.prefix(ProviderClient.maxReasonLength)),
      retryAfter: isRefusal ? nil : ProviderError.retryAfter(headers)
    )
  }
}

/// What we write on Stripe's objects to know them again.
enum StripeMetadata {
  /// Our payment's id or our refund's name.
  static let reference = "reference"
  /// ``StripeConfiguration/namespace``.
  static let namespace = "namespace"
  static let userId = "user_id"
}
