import Foundation
import Libpq
import Logging
import NIOHTTP1
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("Why a payment doesn't come on")
struct TroubleTests {
  private static func failing(_ fixture: PaymentsFixture, _ isFailing: Bool = true) async throws -> [PaymentID] {
    try await fixture.send(.GET, "/payments?failing=\(isFailing)").json(PaymentPage.self).payments.map(\.id)
  }

  private static func stuck(_ fixture: PaymentsFixture) async throws -> [LibpqRow] {
    let result = try await fixture.store.pool.query(
      "SELECT payment_id, refund_id, why, task_type, task_state, next_attempt_at FROM payments.stuck ORDER BY payment_id"
    )
    return Array(result.rows)
  }

  /// Waits until the provider was told to execute it, has it do so, and waits until we know.
  private static func finish(_ payment: Payment, _ provider: ScriptedProvider, _ fixture: PaymentsFixture) async throws
  {
    try await eventually("it is executed") { provider.count("execute") > 0 }
    provider.finish(try #require(try await fixture.client.payment(payment.id).payment.providerId))
    #expect(try await fixture.finals([payment])[0].status == .done)
  }

  @Test(
    "A failing payment says why in the API, the history, psql and the log, until it comes on",
    .timeLimit(.minutes(3))
  )
  func failing() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let provider = ScriptedProvider(["create": Array(repeating: .errorBefore, count: 30)])
      let recorder = LogRecorder()
      let payments = try await fixture.create(2)
      try await fixture.apply(.cancellationWanted, to: payments[1])
      #expect(try await Self.failing(fixture).isEmpty)
      try await fixture.work(with: provider, logger: Logger(label: "test") { _ in recorder }) {
        try await eventually("it fails again and again") { provider.count("create") > 4 }
        let details = try await fixture.client.payment(payments[0].id)
        let trouble = try #require(details.trouble)
        let error = try #require(trouble.error)
        #expect(error.contains("create") && error.contains("HTTP status 500"), "\(error)")
        #expect(trouble.errorAt != nil)
        #expect(trouble.nextAttemptAt != nil)
        #expect(details.history.filter { $0.kind == .attemptFailed }.map(\.detail) == [error])
        #expect(try await Self.failing(fixture) == [payments[0].id])
        let listed = try await fixture.send(.GET, "/payments?failing=true").json(JSONTree.self)
        let items = listed.elements("payments")
        #expect(items.first?["lastError"] == .text(error))
        #expect(items.first?["lastErrorAt"] != nil)
        #expect(try await Self.failing(fixture, false) == [payments[1].id])
        let rows = try await Self.stuck(fixture)
        let row = try #require(rows.first)
        #expect(rows.count == 1)
        #expect(try row.id(0) == payments[0].id)
        #expect(try row.text(2) == error)
        #expect(try row.text(3) == InitPayment.taskType.rawValue)
        try await Self.finish(payments[0], provider, fixture)
      }
      #expect(try await fixture.client.payment(payments[0].id).trouble == PaymentTrouble())
      #expect(try await Self.failing(fixture).isEmpty)
      #expect(try await Self.stuck(fixture).isEmpty)
      let lines = recorder.text.split(separator: "\n").filter {
        $0.contains("payments") || $0.contains("\(payments[0].id)")
      }
      #expect(lines.count { $0.contains("payment doesn't come on") } == 1, "\(lines)")
      #expect(lines.count { $0.contains("payment comes on again") } == 1, "\(lines)")
    }
  }

  @Test("So does a refund", .timeLimit(.minutes(3)))
  func refunds() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let provider = ScriptedProvider(["refund": Array(repeating: .errorBefore, count: 4)])
      let payment = try await fixture.create(1)[0]
      try await fixture.work(with: provider) {
        try await Self.finish(payment, provider, fixture)
        #expect(try await fixture.post("/payments/\(payment.id)/refund").status == 202)
        // Another attempt may find the provider's breaker open.
        try await eventually("it fails, and says how") {
          try await fixture.client.payment(payment.id).refunds.first?.lastError?.contains("HTTP status 500") == true
        }
        let details = try await fixture.client.payment(payment.id)
        #expect(details.refunds[0].nextAttemptAt != nil)
        #expect(details.trouble == PaymentTrouble(), "the payment itself is final")
        #expect(
          details.history.contains {
            $0.kind == .attemptFailed && $0.detail?.contains(details.refunds[0].reference) == true
          }
        )
        #expect(try await Self.failing(fixture) == [payment.id])
        let rows = try await Self.stuck(fixture)
        #expect(try rows.map { try $0.optionalID(1) } == [details.refunds[0].id])
        try await eventually("it is paid back") { try await fixture.client.payment(payment.id).refunds[0].isFinal }
      }
      #expect(try await fixture.client.payment(payment.id).refunds[0].lastError == nil)
      #expect(try await Self.failing(fixture).isEmpty)
    }
  }

  @Test("A refund that has failed says why", .timeLimit(.minutes(3)))
  func failedRefund() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let provider = ScriptedProvider(["refund": [.refused]])
      let payment = try await fixture.create(1)[0]
      try await fixture.work(with: provider) {
        try await Self.finish(payment, provider, fixture)
        #expect(try await fixture.post("/payments/\(payment.id)/refund").status == 202)
        try await eventually("it fails") { try await fixture.client.payment(payment.id).refunds.first?.isFinal == true }
      }
      let shown = try await fixture.send(.GET, "/payments/\(payment.id)").json(JSONTree.self)
      let refunds = shown.elements("refunds")
      #expect(refunds.first?["status"] == "FAILED")
      #expect(refunds.first?["failure"] == "Never.")
    }
  }

  @Test("An attempt that succeeds without coming on forgets the error; what is final is never noted")
  func notes() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let pool = fixture.store.pool
      let payment = try await fixture.create(1)[0]
      let subject = PaymentTrouble.Subject.payment(payment.id)
      #expect(try await PaymentStore.note("a", of: subject, in: pool) == true)
      #expect(try await PaymentStore.note("b", of: subject, in: pool) == false)
      #expect(try await fixture.client.payment(payment.id).trouble?.error == "b")
      #expect(try await PaymentStore.noteRecovery(of: subject, in: pool))
      #expect(try await !PaymentStore.noteRecovery(of: subject, in: pool))
      // On and off without coming on is one line.
      #expect(try await PaymentStore.note("c", of: subject, in: pool) == true)
      let details = try await fixture.client.payment(payment.id)
      #expect(details.history.filter { $0.kind == .attemptFailed }.map(\.detail) == ["a"])
      #expect(details.payment.attempts == 3)
      try await fixture.apply(.registered(id: "p1", .initial), to: payment)
      #expect(try await fixture.client.payment(payment.id).trouble?.error == nil, "it came on")
      #expect(try await PaymentStore.note("c", of: subject, in: pool) == true)
      try await fixture.apply(.stopped(reason: "another amount"), to: payment)
      #expect(
        try await fixture.client.payment(payment.id).trouble?.error == nil,
        "a person has to look, not the provider"
      )
      try await fixture.apply(.resumed, to: payment)
      try await fixture.apply(.reported(.done), to: payment)
      #expect(try await PaymentStore.note("d", of: subject, in: pool) == nil)
      #expect(try await Self.failing(fixture).isEmpty)
    }
  }

  @Test("What is long without progress is stuck, with its task or what became of it")
  func stuck() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let pool = fixture.store.pool
      let payments = try await fixture.create(3)
      try await fixture.apply(.registered(id: "p1", .processing), to: payments[1])
      try await fixture.apply(.cancellationWanted, to: payments[2])
      #expect(try await Self.stuck(fixture).isEmpty)
      _ = try await pool.query("UPDATE payments.payment SET updated_at = now() - interval '1 hour'")
      var rows = try await Self.stuck(fixture)
      #expect(try rows.map { try $0.id(0) } == [payments[0].id, payments[1].id])
      #expect(
        try rows.map { try $0.text(2) } == ["the provider has not been asked yet", "the provider says PROCESSING"]
      )
      #expect(try rows.map { try $0.text(4) } == ["due", "due"])
      let tasks = try await fixture.tasks(InitPayment.taskType)
      for task in tasks { _ = try await fixture.app.client.cancel(task.id) }
      rows = try await Self.stuck(fixture)
      #expect(
        try rows.allSatisfy {
          try $0.text(2).hasPrefix("its task is a dead letter: ") || $0.text(2) == "the provider says PROCESSING"
        }
      )
      #expect(try rows.map { try $0.text(4) } == ["dead", "dead"])
      #expect(try await fixture.client.payment(payments[0].id).trouble?.nextAttemptAt == nil)
      _ = try await pool.query("DELETE FROM taskqueue.dead_task")
      rows = try await Self.stuck(fixture)
      #expect(try rows[0].text(2) == "it has no task")
      try await fixture.apply(.stopped(reason: "another amount"), to: payments[0])
      #expect(try await Self.stuck(fixture).contains { try $0.text(2) == "stopped for a person: another amount" })
    }
  }

  @Test("What callers are told names calls and statuses, and nothing of ours")
  func texts() throws {
    struct Secret: Error { var password = "swordfish" }
    let refused = ProviderError(
      code: .unexpectedStatus,
      call: "POST /v1/payments",
      httpStatus: 429,
      retryAfter: .milliseconds(1500)
    )
    #expect(
      PaymentTrouble.text(refused) == "POST /v1/payments: HTTP status 429, and the provider asks for patience for 2 s"
    )
    let unknown = EffectError(.outcomeUnknown, "execute", "no answer", underlying: Secret())
    #expect(PaymentTrouble.text(unknown) == "execute: Secret")
    #expect(PaymentTrouble.text(LibpqError(.decoding, "host=db.internal")) == "the database could not be asked")
    #expect(
      PaymentTrouble.text(EffectFailure.temporary("x", String(repeating: "y\n", count: 500))).count
        == PaymentTrouble.maxLength
    )
  }
}
