import Foundation
import Libpq
import Logging
import NIOHTTP1
import ServiceLifecycle
@_spi(Store) import TaskQueue
import TaskQueueHTTP
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("Callbacks of the provider")
struct CallbackTests {
  @Test("Repeated and concurrent callbacks leave one check task", arguments: CallbackStrategy.allCases)
  func oneCheck(strategy: CallbackStrategy) async throws {
    try await PaymentsFixture.with(works: false, settings: PaymentsFixture.settings { $0.callbackStrategy = strategy })
    { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.registered(id: "pp_x", .initial), to: payment)
      try await withThrowingTaskGroup(of: UInt.self) { group in
        for number in 1...20 {
          group.addTask { try await fixture.post(callbackFor: "pp_x", eventId: "e\(number % 5)") }
        }
        for try await status in group { #expect(status == 202) }
      }
      #expect(try await fixture.checks().count == 1)
    }
  }

  @Test("A callback for an unknown id is remembered once, and taken when init stores the id")
  func unknownId() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      for event in ["e1", "e1", "e2"] {
        #expect(try await fixture.post(callbackFor: "pp_x", eventId: event) == 202)
      }
      #expect(try await fixture.checks().isEmpty)
      let count = "SELECT count(*) FROM taskqueue.inbox_event WHERE is_pending"
      #expect(try await fixture.store.pool.query(count)[0].int8(0) == 2)

      let task = try await fixture.claim(InitPayment.taskType)
      let handler = InitPaymentHandler(client: fixture.app.client, providers: .init(OneIdProvider(id: "pp_x")))
      let context = TaskContext(task: task, ledger: fixture.store, logger: Log.quiet("test"))
      _ = try await handler.handle(
        InitPayment(paymentId: payment.id),
        context: context
      )
      #expect(try await fixture.checks().count == 1)
      #expect(try await fixture.store.pool.query(count)[0].int8(0) == 0)
    }
  }

  @Test("An event counts once: repeated after its check was done, it wakes nobody")
  func countsOnce() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.registered(id: "pp_x", .initial), to: payment)
      #expect(try await fixture.post(callbackFor: "pp_x") == 202)
      let check = try await fixture.claim(CheckPayment.taskType)
      let context = TaskContext(task: check, ledger: fixture.store, logger: Log.quiet("test"))
      try await fixture.app.client.withCompletion(of: context) { _ in }
      #expect(try await fixture.post(callbackFor: "pp_x") == 202)
      #expect(try await fixture.checks().isEmpty)
      #expect(try await fixture.post(callbackFor: "pp_x", eventId: "e2") == 202)
      #expect(try await fixture.checks().count == 1)
      let metrics = String(decoding: try await fixture.send(.GET, "/metrics").body, as: UTF8.self)
      #expect(metrics.contains("payments_callbacks_total{outcome=\"duplicate\"} 1\n"))
    }
  }

  @Test("Ids of any length and with any characters are told apart", arguments: [false, true])
  func strangeIds(isKnown: Bool) async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let long = String(repeating: "é", count: ProviderCallback.maxTextLength)
      if isKnown {
        let payment = try await fixture.create(1)[0]
        try await fixture.apply(.registered(id: long, .initial), to: payment)
      }
      for event in [long, String(long.dropLast()), "a\\u0007b", "a\\u0008b", long] {
        #expect(try await fixture.post(callbackFor: long, eventId: event) == 202)
      }
      let count = try await fixture.store.pool.query("SELECT count(*) FROM taskqueue.inbox_event")
      #expect(try count[0].int8(0) == 4)
      #expect(try await fixture.checks().count == (isKnown ? 1 : 0))
    }
  }

  @Test("What has expired is purged by a scheduled task: events, keys")
  func purges() async throws {
    let settings = PaymentsFixture.settings {
      $0.keyLifetime = .milliseconds(1)
      $0.upkeep = UpkeepSettings(purgePeriod: .seconds(1), callbackLifetime: .milliseconds(1))
    }
    try await PaymentsFixture.with(settings: settings) { fixture in
      _ = try await fixture.create(1)
      #expect(try await fixture.post(callbackFor: "pp_x") == 202)
      try await eventually("both are gone") {
        let left = try await fixture.store.pool.query(
          "SELECT (SELECT count(*) FROM taskqueue.inbox_event) + (SELECT count(*) FROM payments.idempotency_key)"
        )
        return try left[0].int8(0) == 0
      }
    }
  }

  @Test("A callback that is forged, stale or unsigned is answered 401 and changes nothing")
  func forged() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.registered(id: "pp_x", .initial), to: payment)
      let now = Date()
      #expect(try await fixture.post(callbackFor: "pp_x", secret: "another") == 401)
      #expect(try await fixture.post(callbackFor: "pp_y", secret: "another") == 401)
      #expect(try await fixture.post(callbackFor: "pp_x", at: now.addingTimeInterval(-301)) == 401)
      #expect(try await fixture.post(callbackFor: "pp_x", at: now.addingTimeInterval(310)) == 401)
      let unsigned = try await fixture.post("/paymentProviderCallback", #"{"eventId":"e","paymentProviderId":"pp_x"}"#)
      #expect(unsigned.problem == .invalidSignature)
      #expect(try await fixture.checks().isEmpty)
      let remembered = try await fixture.store.pool.query("SELECT count(*) FROM taskqueue.inbox_event")
      #expect(try remembered[0].int8(0) == 0)
    }
  }

  @Test("Refused callbacks and events are counted, and told in the log now and then")
  func refusalsAreTold() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let log = LogRecorder()
      let app = PaymentsApp(
        settings: fixture.app.settings,
        client: fixture.app.client,
        providers: .init(fixture.provider),
        logger: Logger(label: "test") { _ in log }
      )
      try await app.server().whileRunning {
        let other = PaymentsFixture(
          app: app,
          simulator: fixture.simulator,
          provider: fixture.provider,
          http: fixture.http,
          url: "http://127.0.0.1:\(try await app.port())"
        )
        for _ in 1...20 { #expect(try await other.post(callbackFor: "pp_x", secret: "another") == 401) }
        #expect(try await other.post("/inventoryEvents", "{}").problem == .invalidSignature)
        let metrics = String(decoding: try await other.send(.GET, "/metrics").body, as: UTF8.self)
        #expect(metrics.contains(#"payments_signatures_refused_total{from="provider",reason="mismatch"} 20"#))
        #expect(metrics.contains(#"payments_signatures_refused_total{from="inventory",reason="missing"} 1"#))
      }
      let lines = log.text.split(separator: "\n").filter { $0.contains("signature was refused") }
      #expect(lines.count { $0.contains("provider") } == 1, "\(lines)")
      #expect(lines.count { $0.contains("inventory") } == 1, "\(lines)")
    }
  }

  @Test("Without a secret every callback is refused", arguments: [[], [""]])
  func noSecret(secrets: [String]) async throws {
    let settings = PaymentsFixture.settings { $0.callbackSecrets = [PaymentProviders.defaultName: secrets] }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      // HMAC fills keys up with zeros, so this one signs as an empty key does.
      for secret in ["\u{0}", PaymentsFixture.secret] {
        let status = try await fixture.post(callbackFor: "pp_x", secret: secret)
        #expect(status == 401)
      }
    }
  }

  @Test("A callback's status is never believed")
  func statusIsAHint() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.registered(id: "pp_x", .initial), to: payment)
      #expect(try await fixture.post(callbackFor: "pp_x") == 202)
      #expect(try await fixture.client.payment(payment.id).payment.status == .initial)
    }
  }

  @Test("A callback for a final payment schedules nothing")
  func alreadyFinal() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.registered(id: "pp_x", .done), to: payment)
      #expect(try await fixture.post(callbackFor: "pp_x") == 202)
      #expect(try await fixture.checks().isEmpty)
    }
  }
}
