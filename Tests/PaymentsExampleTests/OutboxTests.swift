import AsyncHTTPClient
import Foundation
import Libpq
import NIOHTTP1
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Events for others")
struct OutboxTests {
  private static func with(
    _ receiver: EventReceiver,
    works: Bool = true,
    secret: String = EventReceiver.secret,
    _ change: @escaping (inout OutboxSettings) -> Void = { _ in },
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    try await receiver.running { url in
      try await HTTPClient.withHTTPClient(configuration: .connections(64)) { client in
        let settings = PaymentsFixture.settings { settings in
          var outbox = OutboxSettings(
            transport: WebhookTransport(
              client: client,
              url: url,
              secret: secret,
              timeout: .milliseconds(300)
            )
          )
          outbox.firstRetry = .milliseconds(20)
          outbox.maxRetry = .milliseconds(100)
          change(&outbox)
          settings.outbox = outbox
        }
        let faults = ProviderFaults(processingTime: .milliseconds(20))
        try await PaymentsFixture.with(faults, works: works, settings: settings, body)
      }
    }
  }

  private static let recoversAtOnce: @Sendable (inout OutboxSettings) -> Void = { $0.recoveryAge = .zero }

  private static func count(_ condition: String, _ fixture: PaymentsFixture) async throws -> Int64 {
    try await fixture.store.pool.query("SELECT count(*) FROM payments.outbox WHERE \(condition)")[0].int8(0)
  }

  @Test("A payment's events come as signed CloudEvents, in order, from its creation to its refund")
  func lifecycle() async throws {
    let receiver = EventReceiver()
    try await Self.with(receiver) { fixture in
      let payment = try await fixture.finals(try await fixture.create(1))[0]
      #expect(try await fixture.post("/payments/\(payment.id)/refund").status == 202)
      try await eventually("all is published") { receiver.firsts(payment).count == 3 }
      try await fixture.settle()
      let events = receiver.firsts(payment)
      #expect(events.map(\.type) == ["payment.created", "payment.completed", "payment.refunded"])
      #expect(events.map(\.sequence) == ["0000000001", "0000000002", "0000000003"])
      #expect(events.allSatisfy { $0.specversion == "1.0" && $0.source == "/payments" })
      #expect(events.map { $0.data["status"] } == ["CREATED", "DONE", "DONE"])
      #expect(events.last?.data["refundAmount"] == .integer(payment.amount))
      #expect(receiver.strangers == 0)
      #expect(try await Self.count("published_at IS NULL", fixture) == 0)
    }
  }

  @Test("A receiver tells our events from those that somebody else signed, and ours wait until it takes them")
  func forged() async throws {
    let receiver = EventReceiver()
    try await Self.with(receiver, secret: "another") { fixture in
      let payment = try await fixture.finals(try await fixture.create(1))[0]
      try await eventually("it is delivered again and again") { receiver.strangers > 2 }
      #expect(receiver.firsts(payment).isEmpty)
      #expect(try await Self.count("published_at IS NULL", fixture) == 2)
    }
  }

  @Test("Failed and cancelled payments say so")
  func unhappyEnds() async throws {
    let receiver = EventReceiver()
    try await Self.with(receiver, works: false) { fixture in
      let payments = try await fixture.create(2)
      try await fixture.apply(.refused(reason: "no"), to: payments[0])
      try await fixture.apply(.cancellationWanted, to: payments[1])
      for (payment, type) in zip(payments, ["FAILED", "CANCELLED"]) {
        let events = try await OutboxStore.unpublished(payment.id, limit: 10, in: fixture.store.pool)
        #expect(events.map(\.type) == ["CREATED", type])
      }
    }
  }

  @Test("An event is there if and only if what it tells is, and its task with it")
  func oneCommit() async throws {
    try await Self.with(EventReceiver(), works: false) { fixture in
      struct Undone: Error {}
      await #expect(throws: Undone.self) {
        try await fixture.store.pool.withTransaction { transaction in
          _ = try await PaymentCreation(client: fixture.app.client).create(
            PaymentsFixture.newPayment(),
            in: transaction
          )
          throw Undone()
        }
      }
      #expect(try await Self.count("true", fixture) == 0)
      #expect(try await fixture.tasks(PublishEvents.taskType).isEmpty)
      _ = try await fixture.create(1)
      #expect(try await Self.count("true", fixture) == 1)
      #expect(try await fixture.tasks(PublishEvents.taskType).map(\.queue) == [PublishEvents.queue])
    }
  }

  @Test("While nobody wants events, none are written")
  func switchedOff() async throws {
    try await PaymentsFixture.with { fixture in
      _ = try await fixture.finals(try await fixture.create(1))
      #expect(try await Self.count("true", fixture) == 0)
      #expect(try await fixture.tasks(PublishEvents.taskType).isEmpty)
    }
  }

  @Test("An event that nobody takes holds up its own payment's next ones, and no other payment")
  func stuck() async throws {
    // The one of the first payment.
    let receiver = EventReceiver { $0.data["userId"] == "user-1" ? .refused : .taken }
    try await Self.with(receiver) { fixture in
      let payments = try await fixture.finals(try await fixture.create(10))
      try await eventually("the others' events are published") {
        payments.dropFirst().allSatisfy { receiver.firsts($0).count == 2 }
      }
      for payment in payments.dropFirst() {
        #expect(receiver.firsts(payment).map(\.type) == ["payment.created", "payment.completed"])
      }
      #expect(receiver.firsts(payments[0]).isEmpty)
      #expect(try await Self.count("published_at IS NULL AND payment_id = '\(payments[0].id)'", fixture) == 2)
      let metrics = String(decoding: try await fixture.send(.GET, "/metrics").body, as: UTF8.self)
      #expect(metrics.contains("\npayments_events_waiting 2.0\n"))
    }
  }

  @Test(
    "A receiver that fails, repeats and stalls gets every event, in order per payment, repetitions under the same id",
    arguments: [1, 2, 3] as [UInt64]
  )
  func hostileReceiver(seed: UInt64) async throws {
    let receiver = EventReceiver.hostile(seed: seed)
    try await Self.with(receiver) { fixture in
      let payments = try await fixture.finals(try await fixture.create(30))
      try await eventually("all is published") { try await Self.count("published_at IS NULL", fixture) == 0 }
      for payment in payments { receiver.expectAll(of: payment) }
      #expect(receiver.events.count > 60, "some came twice")
    }
  }

  @Test("Events whose task got lost are found and published")
  func recovers() async throws {
    let receiver = EventReceiver()
    try await Self.with(receiver, Self.recoversAtOnce) { fixture in
      // Nothing else happens to the payment, so nobody else publishes for it.
      try await fixture.store.pool.withTransaction { transaction in
        let payment = try await transaction.query(
          "INSERT INTO payments.payment (user_id, amount, currency, description) VALUES ('u', 1, 'EUR', '') RETURNING id"
        )
        // As if a person had cancelled it.
        let lost = try await transaction.query(
          "DELETE FROM taskqueue.task WHERE unique_key = 'payment.publish:' || $1",
          [.text(try payment[0].uuid(0).uuidString.lowercased())]
        )
        #expect(lost.affectedRows == 1)
      }
      #expect(receiver.events.isEmpty)
      try await fixture.app.scheduleUpkeep()
      try await eventually("it is published") { receiver.events.map(\.type) == ["payment.created"] }
    }
  }

  @Test("Looking for lost events goes through all payments, page by page, and leaves tasks and their backoff alone")
  func recoversPages() async throws {
    try await Self.with(EventReceiver(), works: false, Self.recoversAtOnce) { fixture in
      let count = OutboxStore.page + 3
      _ = try await fixture.store.pool.query(
        "INSERT INTO payments.payment (user_id, amount, currency, description) SELECT 'u', 1, 'EUR', '' FROM generate_series(1, $1)",
        [.int8(Int64(count))]
      )
      let existing = try await fixture.store.tasks(after: nil, limit: 1000)
      #expect(existing.count == 1000)
      let outbox = try #require(fixture.app.settings.outbox)
      let handler = TendOutboxHandler(client: fixture.app.client, settings: outbox)
      _ = try await fixture.store.pool.query("DELETE FROM taskqueue.task WHERE type = 'payment.publish' AND id % 2 = 0")
      try await fixture.app.scheduleUpkeep()
      let cursors = try await Self.run(handler, fixture)
      let ids = try await fixture.store.pool.query(
        "SELECT id FROM payments.payment ORDER BY id LIMIT $1",
        [.int8(1000)]
      )
      #expect(cursors == [try ids.rows.last?.id(0), nil])
      let tasks = try await fixture.store.pool.query(
        "SELECT count(*) FROM taskqueue.task WHERE type = 'payment.publish'"
      )
      #expect(try tasks[0].int8(0) == Int64(count))
    }
  }

  /// Runs the task until it rests.
  /// - Returns: where each run said that the next begins.
  private static func run(_ handler: TendOutboxHandler, _ fixture: PaymentsFixture) async throws -> [PaymentID?] {
    var cursors: [PaymentID?] = []
    repeat {
      let request = ClaimRequest(
        queues: [PublishEvents.queue],
        types: [TendOutbox.taskType],
        limit: 1,
        lease: .seconds(60),
        promotesDue: true
      )
      let task = try #require(try await fixture.store.exchange(settle: [], claim: request).claimed.first)
      let payload = try JSONDecoder().decode(TendOutbox.self, from: task.payload)
      _ = try await handler.handle(payload, context: TaskContext(task: task, logger: Log.quiet("test")))
      let next = try await fixture.store.pool.query(
        "SELECT (payload ->> 'after')::uuid FROM taskqueue.task WHERE type = 'payments.outbox'"
      )
      cursors.append(try next[0].optionalID(0))
    } while cursors.last != .some(nil)
    return cursors
  }

  @Test("Published events are kept for their period, then removed a bounded number at a time; waiting ones stay")
  func purges() async throws {
    try await Self.with(EventReceiver(), works: false) { fixture in
      let pool = fixture.store.pool
      let payment = try await fixture.create(1)[0]
      _ = try await pool.query(
        """
        INSERT INTO payments.outbox (payment_id, sequence, type, data, published_at)
        SELECT $1, n + 10, 'CREATED', '{}', now() - CASE WHEN n <= $2 THEN interval '8 days' ELSE interval '6 days' END
        FROM generate_series(1, $2 + 5) AS n
        """,
        [.id(payment.id), .int8(Int64(OutboxStore.page + 1))]
      )
      let week = Duration.seconds(7 * 86_400)
      #expect(try await OutboxStore.purge(olderThan: week, in: pool) == OutboxStore.page)
      #expect(try await OutboxStore.purge(olderThan: week, in: pool) == 1)
      #expect(try await OutboxStore.purge(olderThan: week, in: pool) == 0)
      #expect(try await Self.count("published_at IS NULL", fixture) == 1)
      #expect(try await Self.count("published_at IS NOT NULL", fixture) == 5)
    }
  }

  @Test("A payment's events are counted on after the first ones were purged")
  func sequenceOutlivesPurge() async throws {
    try await Self.with(EventReceiver(), works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      _ = try await fixture.store.pool.query("DELETE FROM payments.outbox")
      try await fixture.apply(.cancellationWanted, to: payment)
      let events = try await OutboxStore.unpublished(payment.id, limit: 10, in: fixture.store.pool)
      #expect(events.map(\.sequence) == [2])
    }
  }
}
