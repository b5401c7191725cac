import Foundation
import HTTPTypes
import Hummingbird
import Libpq
import NIOCore
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres

struct Order: Encodable {
  var item: String

  /// - Throws: Everything that is wrong with the body, at once.
  init(_ body: JSONTree) throws {
    var fields = try BodyFields(of: body)
    let item = fields.text("item", length: 1...100, isRequired: true)
    try fields.finish()
    self.item = item ?? ""
  }
}

/// Waits until the goods have come, an hour at most.
struct ShipOrder: TaskPayload {
  static let taskType: TaskType = "order.ship"
  static let taskDefaults = TaskDefaults<Self> { UniqueKey("order.ship:\($0.orderID)", mode: .coalesce) }
  var orderID: Int64
}

extension ProblemKind {
  static let unknownCaller = Self("unknown-caller", .unauthorized, "Say who you are")
}

/// Takes orders, each once, and the warehouse's word that goods have come.
struct Intake: Sendable {
  let client: TaskClient<PostgresTaskStore>
  let backlog: BacklogGate
  let warehouse: StandardWebhook
  /// Names of callers by what they send as `Authorization`.
  let callers: [String: String]

  var gate: IdempotencyGate { IdempotencyGate(store: IdempotencyStore(schema: "shop"), pool: client.pool) }

  func createTables() async throws {
    try await gate.store.migrate(client.pool)
    try await client.pool.executeScript(
      "CREATE TABLE IF NOT EXISTS shop.purchase (id bigserial, caller text, item text, shipped_at timestamptz)"
    )
  }

  func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.post("/orders") { request, _ in await answering { try await takeOrder(request) } }
    router.post("/webhooks/warehouse") { request, _ in await answering { try await goodsCame(request) } }
    return router
  }

  /// The key with its answer, the order and its task are one commit. A repetition gets the same answer and does nothing.
  private func takeOrder(_ request: Request) async throws -> Response {
    guard let caller = callers[request.headers[.authorization] ?? ""] else { throw ProblemError(.unknownCaller) }
    let key = try RequestKey(caller: caller, operation: "POST /orders", fields: request.headers)
    let order = try Order(try await StrictJSON.tree(try await body(request)))
    let answer = try await gate.answer(key, RequestFingerprint(of: order), backlog: backlog) { transaction in
      let sql = "INSERT INTO shop.purchase (caller, item) VALUES ($1, $2) RETURNING id"
      let id = try await transaction.query(sql, [.text(caller), .text(order.item)])[0].int8(0)
      let later = EnqueueOptions.with { $0.schedule = .after(.seconds(3600)) }
      try await client.enqueue(ShipOrder(orderID: id), options: later, in: transaction)
      return IdempotentAnswer(.accepted, fields: [.location: "/orders/\(id)"])
    }
    return Response(status: answer.status, headers: answer.fields)
  }

  /// Pulls the order's one task forward, however often it is told.
  private func goodsCame(_ request: Request) async throws -> Response {
    let body = try await body(request)
    try warehouse.verify(request.headers, of: body)
    try await client.enqueue(try await StrictJSON.read(ShipOrder.self, from: body))
    return Response(status: .noContent)
  }

  private func body(_ request: Request) async throws -> Data {
    do { return Data(try await request.body.collect(upTo: 65_536).readableBytesView) } catch is NIOTooManyBytesError {
      throw ProblemError(.bodyTooLarge)
    }
  }

  /// Every error is answered with problem details.
  private func answering(_ respond: () async throws -> Response) async -> Response {
    do { return try await respond() } catch {
      let (head, body) = ProblemError(answering: error).response(base: "https://shop.example/problems#")
      return Response(status: head.status, headers: head.headerFields, body: .init(byteBuffer: .init(bytes: body)))
    }
  }
}
