import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

extension ProviderSimulator {
  /// The provider's contract, and `GET /v1/ledger` with its books for whoever compares.
  func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.post("/v1/payments") { request, _ in try await self.create(request) }
    router.post("/v1/payments/:id/execute") { _, context in
      try await self.execute(id: context.parameters.get("id") ?? "")
    }
    router.get("/v1/payments/:id") { _, context in
      try await self.show(id: context.parameters.get("id") ?? "")
    }
    router.get("/v1/payments") { request, _ in
      try await self.find(reference: request.uri.queryParameters["reference"].map(String.init) ?? "")
    }
    router.get("/v1/ledger") { _, _ in
      try JSONResponse.make(.ok, ["payments": self.ledger.entries])
    }
    router.get("/health") { _, _ in HTTPResponse.Status.ok }
    return router
  }

  private func create(_ request: Request) async throws -> Response {
    let key = HTTPField.Name("Idempotency-Key").flatMap { request.headers[$0] }
    guard let body = await JSONResponse.body(ProviderPaymentRequest.self, of: request), body.amount > 0 else {
      return try JSONResponse.problem(.badRequest, "A payment needs reference, userId, amount, currency, description.")
    }
    let honouredKey = self.faults.honoursIdempotencyKeys ? key : nil
    return try await self.answer("create", reference: body.reference) {
      let entry = self.state.withLock { $0.ledger.create(body, idempotencyKey: honouredKey) }
      return try Self.response(.created, entry)
    }
  }

  private func execute(id: String) async throws -> Response {
    guard let reference = self.ledger.entry(id: id)?.reference else { return try Self.unknownPayment() }
    return try await self.answer("execute", reference: reference) {
      var generator = self.generator(for: "outcome|\(reference)")
      let willCancel = Double.random(in: 0..<1, using: &generator) < self.faults.cancel
      switch self.state.withLock({ $0.ledger.execute(id: id, willCancel: willCancel) }) {
      case .unknownPayment:
        return try Self.unknownPayment()
      case .started(let entry):
        self.startProcessing(id)
        return try Self.response(.accepted, entry)
      case .repeated(let entry):
        return try Self.response(.ok, entry)
      }
    }
  }

  private func show(id: String) async throws -> Response {
    guard let reference = self.ledger.entry(id: id)?.reference else { return try Self.unknownPayment() }
    return try await self.answer("show", reference: reference) {
      guard let entry = self.ledger.entry(id: id) else { return try Self.unknownPayment() }
      return try Self.response(.ok, entry)
    }
  }

  private func find(reference: String) async throws -> Response {
    try await self.answer("find", reference: reference) {
      let payments = self.ledger.entries(reference: reference).map(ProviderPayment.init)
      return try JSONResponse.make(.ok, ProviderPaymentList(payments: payments))
    }
  }

  /// Draws the request's fate and lets it come true around `work`.
  private func answer(
    _ operation: String,
    reference: String,
    _ work: () throws -> Response
  ) async throws -> Response {
    if self.faults.latency > .zero { try await Task.sleep(for: self.faults.latency) }
    let name = "\(operation)|\(reference)"
    let repetition = self.state.withLock { state in
      state.requests[name, default: 0] += 1
      return state.requests[name, default: 0]
    }
    var generator = self.generator(for: "\(name)|\(repetition)")
    switch RequestFate.draw(self.faults, using: &generator) {
    case .answered:
      return try work()
    case .errorBeforeWork:
      return try JSONResponse.problem(.internalServerError, "Simulated error before the work.")
    case .errorAfterWork:
      _ = try work()
      return try JSONResponse.problem(.internalServerError, "Simulated error after the work.")
    case .lostResponse:
      return Self.cutShort(try work())
    case .stalled:
      let response = try work()
      try await Task.sleep(for: self.faults.stallTime)
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

  private static func response(_ status: HTTPResponse.Status, _ entry: ProviderLedgerEntry) throws -> Response {
    try JSONResponse.make(status, ProviderPayment(entry))
  }

  private static func unknownPayment() throws -> Response {
    try JSONResponse.problem(.notFound, "There is no such payment.")
  }

  private struct LostResponse: Error {}
}

extension ProviderPayment {
  init(_ entry: ProviderLedgerEntry) {
    self.init(id: entry.id, status: entry.status, reference: entry.reference)
  }
}
