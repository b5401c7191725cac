import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres
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
        for _ in 1...20 { group.addTask { try await fixture.post(callbackFor: "pp_x") } }
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
      let count = "SELECT count(*) FROM payments.unmatched_callback"
      #expect(try await fixture.store.pool.query(count)[0].int8(0) == 2)

      let request = ClaimRequest(
        queues: [.default],
        types: [InitPayment.taskType],
        limit: 1,
        lease: .seconds(60),
        promotesDue: true
      )
      let task = try #require(try await fixture.store.exchange(settle: [], claim: request).claimed.first)
      let handler = InitPaymentHandler(store: fixture.store, provider: OneIdProvider(id: "pp_x"))
      _ = try await handler.handle(
        InitPayment(paymentId: payment.id),
        context: TaskContext(task: task, logger: Log.quiet("test"))
      )
      #expect(try await fixture.checks().count == 1)
      #expect(try await fixture.store.pool.query(count)[0].int8(0) == 0)
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
      let remembered = try await fixture.store.pool.query("SELECT count(*) FROM payments.unmatched_callback")
      #expect(try remembered[0].int8(0) == 0)
    }
  }

  @Test("Without a secret every callback is refused")
  func noSecret() async throws {
    let settings = PaymentsFixture.settings { $0.callbackSecrets = [] }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      let status = try await fixture.post(callbackFor: "pp_x", secret: "")
      #expect(status == 401)
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
