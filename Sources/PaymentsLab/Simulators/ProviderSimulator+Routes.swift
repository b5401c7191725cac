import Foundation
package import HTTPTypes
package import Hummingbird
import NIOCore
import PaymentsExample
import Synchronization
import TaskQueueHTTP

extension ProviderSimulator {
  /// The provider's contract, `GET /v1/ledger` with its books for whoever compares, and `POST /v1/payments/{id}/occurrences` for whoever
  /// wants a ``ProviderOccurrence`` to happen.
  func router() -> Router<BasicRequestContext> {
    let router = Router()
    if let key { router.add(middleware: KeyCheck(key: key)) }
    router.post("/v1/payments") { request, _ in try await self.create(request) }
    router.post("/v1/payments/:id/execute") { _, context in
      try await self.execute(id: context.parameters.get("id") ?? "")
    }
    router.post("/v1/payments/:id/cancel") { _, context in
      try await self.cancel(id: context.parameters.get("id") ?? "")
    }
    router.post("/v1/payments/:id/refunds") { request, context in
      try await self.refund(id: context.parameters.get("id") ?? "", request)
    }
    router.get("/v1/payments/:id/refunds") { _, context in
      try await self.refunds(id: context.parameters.get("id") ?? "")
    }
    router.get("/v1/payments/:id/disputes") { _, context in
      try await self.disputes(id: context.parameters.get("id") ?? "")
    }
    router.post("/v1/payments/:id/occurrences") { request, context in
      try await self.occur(id: context.parameters.get("id") ?? "", request)
    }
    router.get("/v1/payments/:id") { _, context in
      try await self.show(id: context.parameters.get("id") ?? "")
    }
    router.get("/v1/payments") { request, _ in
      try await self.list(request)
    }
    router.get("/v1/ledger") { _, _ in
      try JSONResponse.make(.ok, self.state.withLock { $0.books })
    }
    router.get("/health") { _, _ in HTTPResponse.Status.ok }
    return router
  }

  private func create(_ request: Request) async throws -> Response {
    let key = HTTPField.Name("Idempotency-Key").flatMap { request.headers[$0] }
    guard var body = await Self.body(ProviderPaymentRequest.self, of: request), body.amount > 0 else {
      return try Self.problem(.badRequest, "A payment needs reference, userId, amount, currency, description.")
    }
    let subject = "\(body.userId)|\(body.amount)|\(body.currency)|\(body.description)"
    state.withLock { $0.subjects[body.reference] = subject }
    var generator = self.generator(for: "alter|\(subject)")
    if Double.random(in: 0..<1, using: &generator) < faults.alter { body.amount += 1 }
    let registered = body
    let honouredKey = faults.honoursIdempotencyKeys ? key : nil
    return try await answer("create", reference: body.reference) {
      let entry = state.withLock { $0.ledger.create(registered, idempotencyKey: honouredKey, at: Date()) }
      return try Self.response(.created, entry)
    }
  }

  private func execute(id: String) async throws -> Response {
    guard let reference = self.entry(id)?.reference else { return try Self.unknownPayment() }
    return try await answer("execute", reference: reference) {
      var refusal = self.generator(for: "refusal|\(subject(reference))")
      if Double.random(in: 0..<1, using: &refusal) < faults.refuse {
        return try Self.problem(.init(code: 402, reasonPhrase: "Payment Required"), "The payer's bank refuses it.")
      }
      var generator = self.generator(for: "outcome|\(subject(reference))")
      let willCancel = Double.random(in: 0..<1, using: &generator) < faults.cancel
      switch state.withLock({ $0.ledger.execute(id: id, willCancel: willCancel) }) {
      case .unknownPayment:
        return try Self.unknownPayment()
      case .started(let entry):
        var entry = entry
        if faults.processingTime == .zero { entry = state.withLock { $0.ledger.finish(id: id) } ?? entry }
        startProcessing(id)
        return try Self.response(.accepted, entry)
      case .repeated(let entry):
        return try Self.response(.ok, entry)
      case .refused:
        return try Self.problem(.conflict, "The payment is cancelled.")
      }
    }
  }

  private func show(id: String) async throws -> Response {
    guard let reference = self.entry(id)?.reference else { return try Self.unknownPayment() }
    return try await answer("show", reference: reference) {
      guard let entry = self.entry(id) else { return try Self.unknownPayment() }
      return try Self.response(.ok, entry)
    }
  }

  private func list(_ request: Request) async throws -> Response {
    let query = request.uri.queryParameters
    if let reference = query["reference"].map(String.init) {
      return try await answer("find", reference: reference) {
        let payments = state.withLock { $0.ledger.entries(reference: reference) }.map(ProviderPayment.init)
        return try JSONResponse.make(.ok, ProviderPaymentList(payments: payments))
      }
    }
    let since = query["createdSince"].flatMap { RFC3339.date(String($0)) } ?? .distantPast
    let until = query["createdUntil"].flatMap { RFC3339.date(String($0)) } ?? .distantFuture
    guard since <= until, let first = Int(query["after"] ?? "0") else {
      return try Self.problem(.badRequest, "createdSince must not be after createdUntil; after is a page's next.")
    }
    return try await answer("list", reference: "\(first)") {
      let page = state.withLock { $0.ledger.entries(in: since..<until, from: first) }
      return try JSONResponse.make(
        .ok,
        ProviderPage(payments: page.entries.map(ProviderPayment.init), next: page.next.map(String.init))
      )
    }
  }

  /// Draws the request's fate and lets it come true around `work`.
  package func answer(
    _ operation: String,
    reference: String,
    _ work: () throws -> Response
  ) async throws -> Response {
    if faults.latency > .zero { try await Task.sleep(for: faults.latency) }
    let repetition = state.withLock { state in
      state.requests["\(operation)|\(reference)", default: 0] += 1
      return state.requests["\(operation)|\(reference)", default: 0]
    }
    var generator = self.generator(for: "\(operation)|\(subject(reference))|\(repetition)")
    let fate = RequestFate.draw(faults, using: &generator)
    state.withLock { $0.fates[fate, default: 0] += 1 }
    switch fate {
    case .answered:
      return try work()
    case .errorBeforeWork:
      return try Self.problem(.internalServerError, "Simulated error before the work.")
    case .errorAfterWork:
      _ = try work()
      return try Self.problem(.internalServerError, "Simulated error after the work.")
    case .lostResponse:
      return Self.cutShort(try work())
    case .stalled:
      let response = try work()
      try await Task.sleep(for: faults.stallTime)
      return response
    }
  }

  /// The head and one byte, then the connection goes.
  private static func cutShort(_ response: Response) -> Response {
    Response(
      status: response.status,
      headers: [.contentType: "application/json"],
      body: ResponseBody(contentLength: 64) { writer in
        try await writer.write(ByteBuffer(string: "{"))
        throw LostResponse()
      }
    )
  }

  package static func response(_ status: HTTPResponse.Status, _ entry: ProviderLedgerEntry) throws -> Response {
    try JSONResponse.make(status, ProviderPayment(entry))
  }

  static func unknownPayment() throws -> Response {
    try problem(.notFound, "There is no such payment.")
  }

  /// The provider has problems of its own, in the same form as ours.
  static func problem(_ status: HTTPResponse.Status, _ detail: String) throws -> Response {
    var response = try JSONResponse.make(
      status,
      Problem(type: "about:blank", title: status.reasonPhrase, status: status.code, detail: detail)
    )
    response.headers[.contentType] = Problem.mediaType
    return response
  }

  /// nil if it isn't what is expected.
  static func body<Value: Decodable>(_ type: Value.Type, of request: Request) async -> Value? {
    guard let buffer = try? await request.body.collect(upTo: 64 * 1024) else { return nil }
    return try? JSONFormat.decoder().decode(type, from: Data(buffer.readableBytesView))
  }

  private struct LostResponse: Error {}

}

extension ProviderPayment {
  init(_ entry: ProviderLedgerEntry) {
    self.init(
      id: entry.id,
      status: entry.status,
      reference: entry.reference,
      userId: entry.userId,
      amount: entry.amount,
      currency: entry.currency,
      createdAt: entry.createdAt,
      namespace: entry.namespace,
      refunded: entry.refunded,
      disputed: entry.disputed
    )
  }
}

/// Lets nobody in without the key.
private struct KeyCheck: RouterMiddleware {
  typealias Context = BasicRequestContext

  let key: String

  func handle(
    _ request: Request,
    context: BasicRequestContext,
    next: @concurrent (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    if request.headers[.authorization] == "Bearer \(key)" { return try await next(request, context) }
    return try ProviderSimulator.problem(.unauthorized, "The key is missing, or another one.")
  }
}
