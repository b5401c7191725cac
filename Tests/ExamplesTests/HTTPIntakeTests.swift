import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import HTTPIntake

@Suite("An HTTP API in front of a queue")
struct HTTPIntakeTests {
  private static let secret = StandardWebhook.newSecret()

  /// An intake on a database of its own, with room for two orders, and a client of it.
  private func with(
    _ body: @escaping @Sendable (any TestClientProtocol, TaskClient<PostgresTaskStore>) async throws -> Void
  ) async throws {
    try await withTestDatabase { database in
      let client = TaskClient(store: try PostgresTaskStore(.init(database.postgresConfiguration)))
      let intake = Intake(
        client: client,
        backlog: BacklogGate(limit: 2, pool: client.pool, rows: "SELECT FROM shop.purchase"),
        warehouse: try StandardWebhook(secrets: [Self.secret]),
        callers: ["Bearer a": "anna", "Bearer b": "ben"]
      )
      try await intake.createTables()
      try await Application(router: intake.router()).test(.router) { try await body($0, client) }
      await client.store.close()
    }
  }

  private func order(
    _ client: any TestClientProtocol,
    _ item: String = "tea",
    key: String? = "k",
    as caller: String = "a"
  ) async throws -> TestResponse {
    var headers: HTTPFields = [.authorization: "Bearer \(caller)"]
    headers[.idempotencyKey] = key
    let body = ByteBuffer(string: #"{"item":"\#(item)"}"#)
    return try await client.execute(uri: "/orders", method: .post, headers: headers, body: body)
  }

  @Test("An order is taken once, with its task, and a repetition gets the same answer")
  func orders() async throws {
    try await with { http, client in
      let first = try await order(http)
      #expect(first.status == .accepted)
      #expect(first.headers[.location] == "/orders/1")
      let again = try await order(http)
      #expect(again.headers[.location] == "/orders/1")
      #expect(again.headers[.idempotencyReplayed] == "true")
      #expect(try await order(http, "coffee").status == .unprocessableContent)
      #expect(try await order(http, as: "b").headers[.location] == "/orders/2")
      #expect(try await client.tasks().map(\.state) == [.waiting, .waiting])
    }
  }

  @Test("What is no order is answered with a problem, and nothing is kept of it")
  func problems() async throws {
    try await with { http, client in
      #expect(try await order(http, as: "c").status == .unauthorized)
      #expect(try await order(http, key: nil).status == .badRequest)
      #expect(try await order(http, "\"").status == .badRequest)
      #expect(try await order(http, "tea\",\"item\":\"coffee").status == .badRequest)
      #expect(try await order(http, "").status == .unprocessableContent)
      #expect(try await order(http, "tea\",\"price\":\"1").status == .unprocessableContent)
      let large = try await order(http, String(repeating: "x", count: 70_000))
      #expect(large.status == .contentTooLarge)
      #expect(large.headers[.contentType] == Problem.mediaType)
      #expect(try await client.tasks().isEmpty)
      for key in ["1", "2"] { #expect(try await order(http, key: key).status == .accepted) }
      let full = try await order(http, key: "3")
      #expect(full.status == .tooManyRequests)
      #expect(full.headers[.retryAfter] == "5")
      #expect(try await order(http, key: "1").status == .accepted)
    }
  }

  @Test("A signed webhook pulls the task forward, however often it comes; a forged one does nothing")
  func webhooks() async throws {
    try await with { http, client in
      _ = try await order(http)
      let body = Data(#"{"orderID":1}"#.utf8)
      func tell(_ secret: String, at time: Date = Date()) async throws -> HTTPResponse.Status {
        let headers = try StandardWebhook(secrets: [secret]).sign(body, id: "msg_1", at: time)
        let buffer = ByteBuffer(bytes: body)
        return try await http.execute(uri: "/webhooks/warehouse", method: .post, headers: headers, body: buffer).status
      }
      #expect(try await tell(StandardWebhook.newSecret()) == .unauthorized)
      #expect(try await tell(Self.secret, at: Date(timeIntervalSinceNow: -301)) == .unauthorized)
      #expect(try await client.tasks().map(\.state) == [.waiting])
      for _ in 1...2 { #expect(try await tell(Self.secret) == .noContent) }
      #expect(try await client.tasks().map(\.state) == [.due])
    }
  }
}
