package import AsyncHTTPClient
import Foundation
import NIOHTTP1
import TaskQueueHTTP

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

  private let caller: JSONCaller

  package init(client: HTTPClient, baseURL: String, timeout: Duration) {
    caller = JSONCaller(client: client, baseURL: baseURL, timeout: timeout, maxAnswerBytes: Self.maxAnswerBytes)
  }

  package func perform(_ request: StepRequest, key: String) async throws -> StepAnswer {
    let body = try JSONFormat.encoder().encode(request)
    let answer = try await caller.call(.POST, "/v1/steps", body: body, idempotencyKey: key)
    let status = answer.status.code
    switch status {
    case 200..<300:
      // Anything but a verdict, such as a page of something in between, lets nothing pass.
      guard let verdict = try? await answer.decoded(StepAnswer.self) else {
        throw StepServiceError(code: .unexpectedStatus, call: "POST /v1/steps, without a verdict", httpStatus: status)
      }
      return Self.shortened(verdict)
    case 429: throw StepServiceError(code: .busy, call: "POST /v1/steps", httpStatus: status)
    case let status where Self.refusals.contains(status):
      let problem = try? await answer.decoded(Problem.self)
      return Self.shortened(StepAnswer(verdict: .rejected, reason: problem?.detail))
    default: throw StepServiceError(code: .unexpectedStatus, call: "POST /v1/steps", httpStatus: status)
    }
  }

  package func find(key: String) async throws -> StepAnswer? {
    let answer = try await caller.call(.GET, "/v1/steps/\(JSONCaller.escaped(key))")
    switch answer.status.code {
    case 200: return Self.shortened(try await answer.decoded())
    case 404: return nil
    case let status: throw StepServiceError(code: .unexpectedStatus, call: "GET /v1/steps", httpStatus: status)
    }
  }

  package func undo(key: String) async throws {
    let status = try await caller.call(.DELETE, "/v1/steps/\(JSONCaller.escaped(key))").status.code
    guard (200..<300).contains(status) || status == 404 || status == 410 else {
      throw StepServiceError(code: .unexpectedStatus, call: "DELETE /v1/steps", httpStatus: status)
    }
  }

  package func terms(orderId: String) async throws -> OrderTerms? {
    let answer = try await caller.call(.GET, "/v1/orders/\(JSONCaller.escaped(orderId))")
    switch answer.status.code {
    case 200: return try await answer.decoded(OrderTerms.self)
    case 404, 410: return nil
    case let status: throw StepServiceError(code: .unexpectedStatus, call: "GET /v1/orders", httpStatus: status)
    }
  }

  /// With a reason that can be stored and shown.
  private static func shortened(_ answer: StepAnswer) -> StepAnswer {
    let reason = answer.reason.map { reason in
      String(String.UnicodeScalarView(reason.unicodeScalars.filter { $0.value >= 0x20 }.prefix(maxReasonLength)))
    }
    return StepAnswer(verdict: answer.verdict, reason: reason)
  }
}
