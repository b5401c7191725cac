import AsyncHTTPClient
import Foundation
import Libpq
import NIOHTTP1
import Outbox
import ServiceLifecycle
@_spi(Store) import TaskQueue
import TaskQueueHTTP
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
              timeout: .milliseconds(300),
              source: "/payments"
            )
          )
          outbox.publisher.firstRetry = .milliseconds(20)
          outbox.publisher.maxRetry = .milliseconds(100)
          change(&outbox)
          settings.outbox = outbox
        }
        let faults = ProviderFaults(processingTime: .milliseconds(20))
        try await PaymentsFixture.with(faults, works: works, settings: settings, body)
      }
    }
  }

  private static func waiting(_ payment: Payment, _ fixture: PaymentsFixture) async throws -> [OutboxEvent] {
    try await EventOutbox.payments.unpublished(
      aggregateType: "payment",
      aggregateID: "\(payment.id)",
      in: fixture.store.pool
    )
  }

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
        let events = try await Self.waiting(payment, fixture)
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
      #expect(try await fixture.tasks(EventOutbox.payments.taskType).isEmpty)
      _ = try await fixture.create(1)
      #expect(try await Self.count("true", fixture) == 1)
      #expect(try await fixture.tasks(EventOutbox.payments.taskType).map(\.queue) == [EventOutbox.queue])
    }
  }

  @Test("While nobody wants events, none are written")
  func switchedOff() async throws {
    try await PaymentsFixture.with { fixture in
      _ = try await fixture.finals(try await fixture.create(1))
      #expect(try await Self.count("true", fixture) == 0)
      #expect(try await fixture.tasks(EventOutbox.payments.taskType).isEmpty)
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
      #expect(try await Self.count("published_at IS NULL AND aggregateid = '\(payments[0].id)'", fixture) == 2)
      let metrics = String(decoding: try await fixture.send(.GET, "/metrics").body, as: UTF8.self)
      #expect(metrics.contains("\npayments_events_waiting 2\n"))
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
    let change: @Sendable (inout OutboxSettings) -> Void = { settings in
      (settings.recoveryAge, settings.upkeepPeriod) = (.zero, .milliseconds(50))
    }
    try await Self.with(receiver, works: false, change) { fixture in
      _ = try await fixture.create(1)
      // As if a person had cancelled it.
      let lost = try await fixture.store.pool.query("DELETE FROM taskqueue.task WHERE type = 'outbox.payments'")
      #expect(lost.affectedRows == 1)
      let publisher = try #require(try fixture.app.publisher())
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await publisher.run() }
        for service in try fixture.app.upkeepServices() { group.addTask { try await service.run() } }
        try await eventually("it is published") { receiver.events.map(\.type) == ["payment.created"] }
        group.cancelAll()
        while await group.nextResult() != nil {}
      }
    }
  }

  @Test("A payment's events are counted on after the first ones were purged")
  func sequenceOutlivesPurge() async throws {
    try await Self.with(EventReceiver(), works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      _ = try await fixture.store.pool.query("DELETE FROM payments.outbox")
      try await fixture.apply(.cancellationWanted, to: payment)
      let events = try await Self.waiting(payment, fixture)
      #expect(events.map(\.sequence) == [2])
    }
  }
}
