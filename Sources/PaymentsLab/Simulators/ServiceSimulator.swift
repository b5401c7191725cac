import Foundation
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
package import PaymentsExample
import SeededRandom
import ServiceLifecycle
import Synchronization
import TaskQueueHTTP

/// All step services in one, over HTTP on the loopback interface: does what it is told as often as it is told, knows no
/// idempotency, and can be looked at.
///
/// Nothing happens until ``run()``; it ends on graceful shutdown or cancellation.
package final class ServiceSimulator: Service {
  /// How it behaves. Rates are probabilities per request, 0 to 1.
  package struct Faults: Sendable {
    /// Does the work, then drops the connection in the middle of the answer.
    package var lostResponse = 0.0
    /// Answers 503 and does nothing.
    package var errorBeforeWork = 0.0

    package init(lostResponse: Double = 0, errorBeforeWork: Double = 0) {
      self.lostResponse = lostResponse
      self.errorBeforeWork = errorBeforeWork
    }
  }

  package struct Books: Codable, Equatable, Sendable {
    /// By key, as long as nobody took it back.
    package var answers: [String: StepAnswer] = [:]
    /// What was done, in order: `account <reference>`, `account.undo <reference>`.
    package var log: [String] = []
  }

  private struct State: Sendable {
    var books = Books()
    var generator: SeededGenerator
  }

  package let faults: Faults
  private let decide: @Sendable (StepRequest) -> StepAnswer
  private let afterWork: @Sendable (StepRequest) async -> Void
  private let terms: @Sendable (String) -> OrderTerms?
  private let requestedPort: Int
  private let logger: Logger
  private let state: Mutex<State>
  private let listeningPort = ListeningPort()

  /// - Parameters:
  ///   - decide: the verdict on a step.
  ///   - afterWork: runs when a step is done, before it is answered.
  ///   - terms: of an order; nil: there is no such order.
  package init(
    faults: Faults = Faults(),
    seed: UInt64 = 1,
    port: Int = 0,
    logger: Logger,
    decide: @escaping @Sendable (StepRequest) -> StepAnswer = { _ in .passed },
    afterWork: @escaping @Sendable (StepRequest) async -> Void = { _ in },
    terms: @escaping @Sendable (String) -> OrderTerms? = { _ in nil }
  ) {
    self.faults = faults
    requestedPort = port
    self.logger = logger
    self.decide = decide
    self.afterWork = afterWork
    self.terms = terms
    state = Mutex(State(generator: SeededGenerator(seed: seed)))
  }

  /// A copy.
  package var books: Books { state.withLock { $0.books } }

  /// Waits until the server listens. For one caller, once.
  package func port() async throws -> Int {
    try await listeningPort.wait()
  }

  package func run() async throws {
    let server = Application(
      router: router(),
      configuration: .init(address: .hostname("127.0.0.1", port: requestedPort), serverName: "services"),
      onServerRunning: { [listeningPort] in listeningPort.report($0) },
      logger: logger
    )
    try await server.run()
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.post("/v1/steps") { request, _ in try await self.perform(request) }
    router.get("/v1/steps/:key") { _, context in
      let answer = self.state.withLock { $0.books.answers[context.parameters.get("key") ?? ""] }
      guard let answer else { return Response(status: .notFound) }
      return try JSONResponse.make(.ok, answer)
    }
    router.delete("/v1/steps/:key") { _, context in
      try self.answered { self.undo(context.parameters.get("key") ?? "") }
    }
    router.get("/v1/orders/:id") { _, context in
      let id = context.parameters.get("id")?.removingPercentEncoding ?? ""
      guard let terms = self.terms(id) else { return Response(status: .notFound) }
      return try JSONResponse.make(.ok, terms)
    }
    router.get("/v1/books") { _, _ in try JSONResponse.make(.ok, self.books) }
    return router
  }

  private func perform(_ request: Request) async throws -> Response {
    let buffer = try await request.body.collect(upTo: 64 * 1024)
    guard
      let step = try? JSONFormat.decoder().decode(StepRequest.self, from: Data(buffer.readableBytesView)),
      let key = HTTPField.Name("Idempotency-Key").flatMap({ request.headers[$0] })
    else { return Response(status: .badRequest) }
    let response = try answered {
      let answer = decide(step)
      state.withLock { state in
        state.books.answers[key] = answer
        state.books.log.append("\(step.step.rawValue) \(step.reference)")
      }
      return try self.response(answer)
    }
    await afterWork(step)
    return response
  }

  private func response(_ answer: StepAnswer) throws -> Response {
    guard answer.verdict == .rejected else { return try JSONResponse.make(.ok, answer) }
    var response = try JSONResponse.make(
      .conflict,
      Problem(type: "about:blank", title: "Rejected", status: 409, detail: answer.reason)
    )
    response.headers[.contentType] = Problem.mediaType
    return response
  }

  private func undo(_ key: String) -> Response {
    let (reference, step) = Self.parts(of: key)
    state.withLock { state in
      guard state.books.answers.removeValue(forKey: key) != nil else { return }
      state.books.log.append("\(step).undo \(reference)")
    }
    return Response(status: .noContent)
  }

  /// The reference and the step of `payment-<reference>-<step>`.
  private static func parts(of key: String) -> (reference: Substring, step: Substring) {
    let rest = key.dropFirst("payment-".count)
    guard let end = rest.lastIndex(of: "-") else { return (rest, "") }
    return (rest[..<end], rest[rest.index(after: end)...])
  }

  /// Draws the request's fate and lets it come true around `work`.
  private func answered(_ work: () throws -> Response) throws -> Response {
    let fate = state.withLock { Double.random(in: 0..<1, using: &$0.generator) }
    if fate < faults.errorBeforeWork { return Response(status: .serviceUnavailable) }
    let response = try work()
    guard fate < faults.errorBeforeWork + faults.lostResponse else { return response }
    return Response(
      status: response.status,
      headers: [.contentType: "application/json"],
      body: ResponseBody(contentLength: 64) { writer in
        try await writer.write(ByteBuffer(string: "{"))
        throw LostResponse()
      }
    )
  }

  private struct LostResponse: Error {}
}
