import ArgumentParser
import AsyncHTTPClient
import Foundation
import Libpq
import NIOHTTP1
import Outbox
@_spi(Store) import TaskQueue
import TaskQueueHTTP
@_spi(Store) import TaskQueuePostgres
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("Events of the inventory service")
struct InventoryTests {
  private static let secret = "a secret of the inventory"
  private static let event =
    #"{"idempotent_key":"inv-1","order_id":"o-1","status":"COMPLETED","user_id":"u","amount":1250,"currency":"EUR"}"#

  private static let deliveries = 1000

  private static func with(
    orders: (any OrderSource)? = nil,
    backlogLimit: Int = 100,
    payingStatuses: Set<String> = InventoryEvent.payingStatuses,
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    let settings = PaymentsFixture.settings {
      $0.inventorySecrets = [secret]
      $0.orders = orders
      $0.backlogLimit = backlogLimit
      $0.payingStatuses = payingStatuses
    }
    try await PaymentsFixture.with(works: false, settings: settings, body)
  }

  private static func send(
    _ body: String,
    _ fixture: PaymentsFixture,
    secret: String = secret
  ) async throws -> PaymentsFixture.Answer {
    let signature = CallbackSignature(secrets: [secret]).sign(Data(body.utf8))
    return try await fixture.send(
      .POST,
      "/inventoryEvents",
      headers: ["Content-Type": "application/json", PaymentAPI.inventorySignatureHeader: signature],
      body: body
    )
  }

  private static func payments(_ fixture: PaymentsFixture) async throws -> [Payment] {
    try await PaymentStore.list(after: nil, limit: 100, in: fixture.store.pool)
  }

  /// Whether one transaction wrote the payment, its first task, its event, that one's task and the key; one of each.
  private static func isOneCommit(_ fixture: PaymentsFixture) async throws -> Bool {
    try await fixture.store.pool.query(
      """
      SELECT array_agg(what ORDER BY what) = '{event,key,outbox.payments,payment,payment.init}'
        AND count(DISTINCT writer) = 1
      FROM (
        SELECT 'payment' AS what, xmin::text AS writer FROM payments.payment
        UNION ALL SELECT 'event', xmin::text FROM payments.outbox
        UNION ALL SELECT 'key', xmin::text FROM payments.idempotency_key
        UNION ALL SELECT type, xmin::text FROM taskqueue.task
      ) AS written
      """
    )[0].bool(0)
  }

  @Test(
    "However often and concurrently it is delivered, an event makes one payment and one event of ours, in one commit"
  )
  func once() async throws {
    // Concurrent deliveries count as open until it is known which one made the payment.
    try await Self.with(backlogLimit: 2 * Self.deliveries) { fixture in
      try await EventOutbox.payments.setMode(.publisher, in: fixture.store.pool)
      try await withThrowingTaskGroup(of: PaymentsFixture.Answer.self) { group in
        for _ in 1...Self.deliveries { group.addTask { try await Self.send(Self.event, fixture) } }
        var replays = 0
        var locations: Set<String?> = []
        for try await answer in group {
          #expect(answer.status == 202)
          locations.insert(answer.headers.first(name: "Location"))
          if answer.headers.first(name: "Idempotency-Replayed") == "true" { replays += 1 }
        }
        #expect(replays == Self.deliveries - 1)
        let payment = try await Self.payments(fixture).first
        #expect(locations == [payment.map { "/payments/\($0.id)" }])
      }
      // And one after another.
      for _ in 1...10 {
        let answer = try await Self.send(Self.event, fixture)
        #expect(answer.headers.first(name: "Idempotency-Replayed") == "true")
      }
      let payments = try await Self.payments(fixture)
      #expect(payments.map(\.orderId) == ["o-1"])
      #expect(payments.map(\.amount) == [1250])
      #expect(payments.map(\.status) == [.created])
      let events = try await EventOutbox.payments.unpublished(
        aggregateType: "payment",
        aggregateID: "\(payments[0].id)",
        in: fixture.store.pool
      )
      #expect(events.map(\.type) == ["CREATED"])
      let isOneCommit = try await Self.isOneCommit(fixture)
      #expect(isOneCommit)
    }
  }

  @Test("An event whose own event can't be written is not taken, and can come again")
  func allOrNothing() async throws {
    try await Self.with { fixture in
      let pool = fixture.store.pool
      try await EventOutbox.payments.setMode(.publisher, in: pool)
      _ = try await pool.query("ALTER TABLE payments.outbox ADD CONSTRAINT broken CHECK (false) NOT VALID")
      let refused = try await Self.send(Self.event, fixture)
      #expect(refused.status >= 500)
      let before = try await Self.payments(fixture)
      #expect(before.isEmpty)
      let tasks = try await fixture.store.tasks(after: nil, limit: 10)
      #expect(tasks.isEmpty)
      _ = try await pool.query("ALTER TABLE payments.outbox DROP CONSTRAINT broken")
      let taken = try await Self.send(Self.event, fixture)
      #expect(taken.status == 202)
      #expect(taken.headers.first(name: "Idempotency-Replayed") == nil)
      let isOneCommit = try await Self.isOneCommit(fixture)
      #expect(isOneCommit)
    }
  }

  @Test("A key with another content is refused")
  func reused() async throws {
    try await Self.with { fixture in
      let first = try await Self.send(Self.event, fixture)
      #expect(first.status == 202)
      let other = try await Self.send(Self.event.replacing("1250", with: "9999"), fixture)
      #expect(other.problem == .keyReused)
      let payments = try await Self.payments(fixture)
      #expect(payments.map(\.amount) == [1250])
      let extended = try await Self.send(Self.event.replacing("{", with: #"{"warehouse":7,"#), fixture)
      #expect(extended.status == 202, "fields that we don't know don't count")
    }
  }

  @Test("A status that has nothing paid leaves the key free: the event may come again with one that has")
  func otherStatus() async throws {
    try await Self.with { fixture in
      let event = Self.event.replacing("COMPLETED", with: "RESERVED")
      for _ in 1...2 {
        let answer = try await Self.send(event, fixture)
        #expect(answer.status == 202)
        #expect(answer.headers.first(name: "Location") == nil)
      }
      let payments = try await Self.payments(fixture)
      #expect(payments.isEmpty)
      let completed = try await Self.send(Self.event, fixture)
      #expect(completed.status == 202)
      #expect(completed.headers.first(name: "Idempotency-Replayed") == nil)
      let payment = try #require(try await Self.payments(fixture).first)
      #expect(completed.headers.first(name: "Location") == "/payments/\(payment.id)")
      // Late, and after it: still nothing.
      #expect(try await Self.send(event, fixture).status == 202)
      #expect(try await Self.payments(fixture).count == 1)
    }
  }

  @Test("Which statuses have an order paid is an option")
  func otherStatuses() async throws {
    let options = try InventoryOptions.parse(["--inventory-status", "PICKED", "--inventory-status", "PACKED"])
    #expect(try InventoryOptions.parse([]).payingStatuses == ["COMPLETED"])
    #expect(throws: (any Error).self) { try InventoryOptions.parse(["--inventory-status", ""]) }
    try await Self.with(payingStatuses: options.payingStatuses) { fixture in
      for (number, status) in ["COMPLETED", "PICKED", "PACKED"].enumerated() {
        let event = Self.event.replacing("COMPLETED", with: status).replacing("o-1", with: "o-\(status)")
          .replacing("inv-1", with: "inv-\(number)")
        #expect(try await Self.send(event, fixture).status == 202)
      }
      let orders = try await Self.payments(fixture).map(\.orderId)
      #expect(Set(orders) == ["o-PICKED", "o-PACKED"])
    }
  }

  @Test("An order is paid once, whatever the keys of its events and however concurrently they come, and by POST too")
  func oncePerOrder() async throws {
    try await Self.with(backlogLimit: 1000) { fixture in
      try await withThrowingTaskGroup(of: PaymentsFixture.Answer.self) { group in
        for number in 1...50 {
          let event = Self.event.replacing("inv-1", with: "inv-\(number)")
          group.addTask { try await Self.send(event, fixture) }
        }
        var locations: Set<String?> = []
        for try await answer in group {
          #expect(answer.status == 202)
          locations.insert(answer.headers.first(name: "Location"))
        }
        let payments = try await Self.payments(fixture)
        #expect(payments.count == 1)
        #expect(locations == [payments.first.map { "/payments/\($0.id)" }])
      }
      let body = #"{"userId":"u","orderId":"o-1","amount":1250,"currency":"EUR"}"#
      #expect(try await fixture.post("/payments", body, key: "k").problem == .orderTaken)
      // The first answer stands, whatever becomes of the payment; another event makes another one then.
      let first = try #require(try await Self.payments(fixture).first)
      try await fixture.apply(.refused(reason: "no"), to: first)
      let repeated = try await Self.send(Self.event, fixture)
      #expect(repeated.headers.first(name: "Location") == "/payments/\(first.id)")
      let next = try await Self.send(Self.event.replacing("inv-1", with: "inv-next"), fixture)
      #expect(next.headers.first(name: "Location") != "/payments/\(first.id)")
      #expect(try await Self.payments(fixture).count == 2)
    }
  }

  @Test("Forged, unsigned and malformed events change nothing")
  func forged() async throws {
    try await Self.with { fixture in
      let forged = try await Self.send(Self.event, fixture, secret: "another")
      #expect(forged.problem == .invalidSignature)
      let unsigned = try await fixture.post("/inventoryEvents", Self.event)
      #expect(unsigned.problem == .invalidSignature)
      let malformed = try await Self.send("[]", fixture)
      #expect(malformed.problem == .malformedRequest)
      for body in [
        #"{"order_id":"o","status":"COMPLETED"}"#, #"{"idempotent_key":"","order_id":"o","status":"COMPLETED"}"#,
        #"{"idempotent_key":"k","order_id":"o","status":"COMPLETED"}"#,
        #"{"idempotent_key":"k","order_id":"o","status":"COMPLETED","user_id":"u","amount":0,"currency":"EUR"}"#,
      ] {
        let invalid = try await Self.send(body, fixture)
        #expect(invalid.problem == .invalidFields, "\(body)")
      }
      let payments = try await Self.payments(fixture)
      #expect(payments.isEmpty)
    }
  }

  @Test("Without terms in the event the order's count; an order that can't be asked for is asked again later")
  func orders() async throws {
    let simulator = ServiceSimulator(
      logger: Log.quiet("test"),
      terms: { $0 == "o/1" ? OrderTerms(userId: "u", amount: 77, currency: "EUR", description: nil) : nil }
    )
    try await HTTPClient.withHTTPClient(configuration: .connections(8)) { client in
      try await simulator.running { url in
        func orders(_ url: String) -> HTTPStepService {
          HTTPStepService(client: client, baseURL: url, timeout: .seconds(5))
        }
        let known = #"{"idempotent_key":"k","order_id":"o/1","status":"COMPLETED"}"#
        try await Self.with(orders: orders(url)) { fixture in
          let answer = try await Self.send(known, fixture)
          #expect(answer.status == 202)
          let unknown = #"{"idempotent_key":"l","order_id":"o/2","status":"COMPLETED"}"#
          let refusal = try await Self.send(unknown, fixture)
          #expect(refusal.problem == .invalidFields)
          let payments = try await Self.payments(fixture)
          #expect(payments.map(\.amount) == [77])
        }
        try await Self.with(orders: orders("http://127.0.0.1:9")) { fixture in
          let answer = try await Self.send(known, fixture)
          #expect(answer.problem == .unavailable)
          let payments = try await Self.payments(fixture)
          #expect(payments.isEmpty)
        }
      }
    }
  }

  @Test("While too many payments are open, an event is refused and can come again")
  func backlog() async throws {
    try await Self.with(backlogLimit: 1) { fixture in
      let first = try await Self.send(Self.event, fixture)
      #expect(first.status == 202)
      let second = try await Self.send(Self.event.replacing("-1\"", with: "-2\""), fixture)
      #expect(second.problem == .backlogFull)
      let repeated = try await Self.send(Self.event, fixture)
      #expect(repeated.status == 202)
      let payments = try await Self.payments(fixture)
      #expect(payments.count == 1)
    }
  }
}
