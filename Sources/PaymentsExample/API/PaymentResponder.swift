import Foundation
import HTTPTypes
import Hummingbird
import Libpq
import Logging
import NIOHTTP1
import TaskQueue
import TaskQueueHTTP
import TaskQueuePrometheus

/// Routes requests to the operations, and turns every error into a problem.
struct PaymentResponder: HTTPResponder {
  let operations: [APIOperation]
  let gate: RequestGate
  let metrics: PrometheusMetrics
  let logger: Logger

  func respond(to request: Request, context: APIRequestContext) async throws -> Response {
    let start = ContinuousClock.now
    let isHead = request.method == .head
    let method = isHead ? .get : request.method
    let (operation, path) = route(method, request.uri.path)
    var response: Response
    do {
      try gate.check(request.head, operation?.access)
      response = try await answer(request, context, operation, path)
    } catch {
      response = JSONResponse.problem(problem(error, operation))
    }
    SafeHeaders.add(to: &response.headers)
    if isHead {
      response.headers[.contentLength] = response.body.contentLength.map(String.init)
      response = response.createHeadResponse()
    }
    // Labels are bounded: one of the operations, one of the statuses.
    let labels = [("operation", operation?.id ?? "none"), ("status", String(response.status.code))]
    metrics.increment("http_requests_total", labels)
    metrics.record("http_request_duration", ContinuousClock.now - start, [("operation", operation?.id ?? "none")])
    return response
  }

  private func answer(
    _ request: Request,
    _ context: APIRequestContext,
    _ operation: APIOperation?,
    _ path: [String: String]
  ) async throws -> Response {
    if let operation { return try await gate.answer(request, by: context.channel, operation, path) }
    let methods = operations(at: request.uri.path).map(\.method.rawValue)
    guard !methods.isEmpty else { throw ProblemError(.notFound, "There is no such path; see /doc.") }
    let allowed = (methods.contains("GET") ? methods + ["HEAD"] : methods).sorted().joined(separator: ", ")
    throw ProblemError(.methodNotAllowed, "The path has \(allowed).", fields: [.allow: allowed])
  }

  private func route(_ method: HTTPRequest.Method, _ path: String) -> (APIOperation?, [String: String]) {
    for operation in operations(at: path) where operation.method == method {
      if let values = operation.match(path) { return (operation, values) }
    }
    return (nil, [:])
  }

  /// A path without parameters is no value of another one's: `/payments/batch` is no payment.
  private func operations(at path: String) -> [APIOperation] {
    let same = operations.filter { $0.path == path }
    return same.isEmpty ? operations.filter { $0.match(path) != nil } : same
  }

  /// What the caller learns: never more than that something of ours failed, and whether it may help to repeat.
  private func problem(_ error: any Error, _ operation: APIOperation?) -> ProblemError {
    switch error {
    case let error as ProblemError:
      return error
    case is SignatureError:
      return ProblemError(.invalidSignature)
    case let error as JSONRefusal:
      return ProblemError(answering: error)
    case is HTTPParserError:
      return ProblemError(.malformedRequest)
    case let error as LibpqError where Self.isOurMistake(error):
      logger.error("request failed", metadata: metadata(operation, error))
      return ProblemError(.internalError)
    case is LibpqError, is TaskQueueError, is CancellationError, is UnknownProvider:
      logger.warning("request failed", metadata: metadata(operation, error))
      return ProblemError(.unavailable, "Repeat the request, with the same Idempotency-Key if it has one.")
    default:
      logger.error("request failed", metadata: metadata(operation, error))
      return ProblemError(.internalError)
    }
  }

  /// Data, constraints or SQL that the server refuses whenever it is asked.
  private static func isOurMistake(_ error: LibpqError) -> Bool {
    ["22", "23", "42"].contains { error.sqlState?.hasPrefix($0) ?? false }
  }

  private func metadata(_ operation: APIOperation?, _ error: any Error) -> Logger.Metadata {
    ["operation": "\(operation?.id ?? "none")", "error": "\(error)"]
  }
}
