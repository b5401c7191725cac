package import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// Speaks the contract of step services over HTTP.
///
/// `POST /v1/steps` with a ``StepRequest`` and `Idempotency-Key` → 2xx: done, or `{verdict, reason}`; 402, 403, 409, 410, 422 (with
/// problem details): rejected for good; 429: nothing was done, later; anything else: unknown, and looked up. `GET
/// /v1/steps/{key}` → 200 with `{verdict, reason}`, or 404. `DELETE /v1/steps/{key}` → 2xx, 404 or 410: given back.
package struct HTTPStepService: StepService, OrderSource {
  /// Largest answer that is read.
  static let maxAnswerBytes = 64 * 1024
  /// Of a service's words.
  static let maxReasonLength = 200
  private static let refusals: Set<UInt> = [402, 403, 409, 410, 422]

  package let client: HTTPClient
  /// Without a slash at the end.
  package let baseURL: String
  package let timeout: Duration

  package init(client: HTTPClient, baseURL: String, timeout: Duration) {
    self.client = client
    self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
    self.timeout = timeout
  }

  package func perform(_ request: StepRequest, key: String) async throws -> StepAnswer {
    let body = try JSONFormat.encoder().encode(request)
    let (status, answer) = try await call(.POST, "/v1/steps", body: body, key: key)
    switch status {
    case 200..<300: return Self.shortened((try? JSONFormat.decoder().decode(StepAnswer.self, from: answer)) ?? .passed)
    case 429: throw StepServiceError(code: .busy, call: "POST /v1/steps", httpStatus: status)
    case let status where Self.refusals.contains(status):
      let problem = try? JSONFormat.decoder().decode(Problem.self, from: answer)
      return Self.shortened(StepAnswer(verdict: .rejected, reason: problem?.detail))
    default: throw StepServiceError(code: .unexpectedStatus, call: "POST /v1/steps", httpStatus: status)
    }
  }

  package func find(key: String) async throws -> StepAnswer? {
    let (status, answer) = try await call(.GET, "/v1/steps/\(Self.escaped(key))")
    switch status {
    case 200: return Self.shortened(try JSONFormat.decoder().decode(StepAnswer.self, from: answer))
    case 404: return nil
    default: throw StepServiceError(code: .unexpectedStatus, call: "GET /v1/steps", httpStatus: status)
    }
  }

  package func undo(key: String) async throws {
    let (status, _) = try await call(.DELETE, "/v1/steps/\(Self.escaped(key))")
    guard (200..<300).contains(status) || status == 404 || status == 410 else {
      throw StepServiceError(code: .unexpectedStatus, call: "DELETE /v1/steps", httpStatus: status)
    }
  }

  package func terms(orderId: String) async throws -> OrderTerms? {
    let (status, answer) = try await call(.GET, "/v1/orders/\(Self.escaped(orderId))")
    switch status {
    case 200: return try JSONFormat.decoder().decode(OrderTerms.self, from: answer)
    case 404, 410: return nil
    default: throw StepServiceError(code: .unexpectedStatus, call: "GET /v1/orders", httpStatus: status)
    }
  }

  private func call(
    _ method: HTTPMethod,
    _ path: String,
    body: Data? = nil,
    key: String? = nil
  ) async throws -> (status: UInt, answer: Data) {
    var request = HTTPClientRequest(url: baseURL + path)
    request.method = method
    if let key { request.headers.replaceOrAdd(name: "Idempotency-Key", value: key) }
    if let body {
      request.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    let response = try await client.execute(request, timeout: TimeAmount(timeout))
    // Read before the status is believed: an answer cut short is a lost answer.
    let answer = Data(try await response.body.collect(upTo: Self.maxAnswerBytes).readableBytesView)
    return (response.status.code, answer)
  }

  /// With a reason that can be stored and shown.
  private static func shortened(_ answer: StepAnswer) -> StepAnswer {
    let reason = answer.reason.map { reason in
      String(String.UnicodeScalarView(reason.unicodeScalars.filter { $0.value >= 0x20 }.prefix(maxReasonLength)))
    }
    return StepAnswer(verdict: answer.verdict, reason: reason)
  }

  /// Percent-encodes everything that could end a path segment.
  private static func escaped(_ text: String) -> String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
  }
}
