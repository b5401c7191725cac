import HTTPTypes
import Hummingbird
import Libpq
import TaskQueue
import TaskQueuePostgres

/// The app's HTTP API.
struct PaymentRoutes: Sendable {
  let store: PostgresTaskStore
  let callbacks: CallbackHandler

  func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.post("/payments") { request, _ in try await self.create(request) }
    router.get("/payments/:id") { _, context in try await self.show(context.parameters.get("id")) }
    router.post("/paymentProviderCallback") { request, _ in try await self.callback(request) }
    router.get("/health") { _, _ in try await self.health() }
    return router
  }

  /// Accepts a payment: its row and its first task are one commit, so neither exists without the other.
  private func create(_ request: Request) async throws -> Response {
    guard let new = await JSONResponse.body(NewPayment.self, of: request) else {
      return try JSONResponse.problem(
        .badRequest,
        "The body must be JSON with userId, amount (minor units), currency (ISO 4217), description."
      )
    }
    if let problem = new.problem { return try JSONResponse.problem(.unprocessableContent, problem) }
    let payment = try await PaymentCreation.create(new, store: self.store)
    return try JSONResponse.make(.accepted, payment, headers: [.location: "/payments/\(payment.id)"])
  }

  private func show(_ id: String?) async throws -> Response {
    guard let id = id.flatMap(Int64.init), let payment = try await PaymentStore.find(id, in: self.store.pool) else {
      return try JSONResponse.problem(.notFound, "There is no such payment.")
    }
    return try JSONResponse.make(.ok, payment)
  }

  private func callback(_ request: Request) async throws -> Response {
    guard let callback = await JSONResponse.body(ProviderCallback.self, of: request) else {
      return try JSONResponse.problem(.badRequest, "The body must be JSON with eventId, paymentProviderId, status.")
    }
    _ = try await self.callbacks.handle(callback)
    return Response(status: .accepted)
  }

  private func health() async throws -> Response {
    do {
      _ = try await self.store.pool.query("SELECT 1")
      return try JSONResponse.make(.ok, ["status": "ok"])
    } catch {
      return try JSONResponse.problem(.serviceUnavailable, "The database doesn't answer.")
    }
  }
}
