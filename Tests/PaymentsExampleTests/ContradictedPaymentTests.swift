import Foundation
import NIOHTTP1
@_spi(Store) import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("A payment that ended without money moved, and whose money moved later")
struct ContradictedPaymentTests {
  private static let body = #"{"userId":"u","orderId":"o-1","amount":100,"currency":"EUR"}"#

  /// Has the provider say so, and us look.
  private static func look(_ payment: Payment, _ word: String, _ fixture: PaymentsFixture) async throws {
    let id = try #require(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.providerId)
    let provider = AlteringProvider(ScriptedProvider()) {
      $0 = ProviderPayment(
        id: id,
        status: .init(rawValue: word),
        reference: payment.reference,
        userId: payment.userId,
        amount: payment.amount,
        currency: payment.currency
      )
    }
    _ = provider.provider.register(reference: payment.reference, userId: "u", amount: 100)
    let check = CheckPayment(paymentId: payment.id)
    try await fixture.app.client.enqueue(check, options: check.options)
    let task = try await fixture.claim(CheckPayment.taskType)
    let context = TaskContext(task: task, ledger: fixture.store, logger: Log.quiet("test"))
    let handler = CheckPaymentHandler(client: fixture.app.client, providers: .init(provider))
    if try await handler.handle(.init(paymentId: payment.id), context: context) == .completed {
      try await fixture.app.client.withCompletion(of: context) { _ in }
    }
  }

  private static func inventoryEvent(_ fixture: PaymentsFixture) async throws -> PaymentsFixture.Answer {
    let terms = #""user_id":"u","amount":100,"currency":"EUR""#
    let event = #"{"idempotent_key":"i","order_id":"o-1","status":"COMPLETED",\#(terms)}"#
    let signature = CallbackSignature(secrets: [PaymentsFixture.secret]).sign(Data(event.utf8), at: Date())
    let headers = ["Content-Type": "application/json", PaymentAPI.inventorySignatureHeader: signature]
    return try await fixture.send(.POST, "/inventoryEvents", headers: headers, body: event)
  }

  @Test(
    "Its order gets no second payment until a person has cleared it",
    arguments: ["FAILED", "CANCELLED"],
    ["DONE", "RETURNED"]
  )
  func holdsItsOrder(ended: String, word: String) async throws {
    let settings = PaymentsFixture.settings { $0.inventorySecrets = [PaymentsFixture.secret] }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      let payment = try await fixture.post("/payments", Self.body, key: "a").json(Payment.self)
      try await fixture.apply(.registered(id: "pp_1", .initial), to: payment)
      try await fixture.apply(.reported(.init(rawValue: ended)), to: payment)
      try await Self.look(payment, word, fixture)
      let second = try await fixture.post("/payments", Self.body, key: "b")
      #expect(second.problem == .orderTaken)
      #expect(second.headers.first(name: "Location") == "/payments/\(payment.id)")
      let detail = try second.json(Problem.self).detail ?? ""
      #expect(detail.contains(payment.id.description) && detail.contains("money moved"), "\(detail)")
      let item = #"{"payments":[{"idempotencyKey":"c",\#(Self.body.dropFirst())]}"#
      let batch = try await fixture.post("/payments/batch", item).json(JSONTree.self)
      #expect(batch.elements("answers").first?["status"] == 409)
      #expect(try await Self.inventoryEvent(fixture).problem == .orderTaken, "to be sent again")

      let shown = try await fixture.client.payment(payment.id)
      #expect(shown.payment.stopReason?.contains("money moved") == true)
      #expect(shown.payment.status.rawValue == ended)
      #expect(try await fixture.send(.GET, "/payments?stopped=true").json(PaymentPage.self).payments.count == 1)
      let metrics = String(decoding: try await fixture.send(.GET, "/metrics").body, as: UTF8.self)
      #expect(metrics.contains("\npayments_stopped 1\n"))

      #expect(try await fixture.post("/payments/\(payment.id)/resume").status == 202)
      let cleared = try await fixture.client.payment(payment.id)
      #expect(cleared.payment.stopReason == nil)
      #expect(cleared.history.last?.kind == .resumed)
      #expect(try await fixture.send(.GET, "/payments?stopped=true").json(PaymentPage.self).payments.isEmpty)
      // What the person has seen is told no more.
      try await Self.look(payment, word, fixture)
      let event = try await Self.inventoryEvent(fixture)
      #expect(event.status == 202)
      #expect(event.headers.first(name: "Location") != "/payments/\(payment.id)")
      #expect(try await fixture.post("/payments", Self.body, key: "d").problem == .orderTaken)
      #expect(try await fixture.post("/payments/\(payment.id)/resume").problem == .wrongStatus)
    }
  }

  @Test("A comparison has it looked at")
  func compared() {
    for (ours, theirs) in [(PaymentStatus.failed, ProviderStatus.done), (.cancelled, .returned)] {
      let payment = Payment(
        id: 1,
        userId: "u",
        amount: 100,
        currency: "EUR",
        description: "",
        status: ours,
        providerId: "p",
        attempts: 0,
        createdAt: .distantPast,
        updatedAt: .distantPast
      )
      let entry = ProviderPayment(
        id: "p",
        status: theirs,
        reference: payment.reference,
        userId: "u",
        amount: 100,
        currency: "EUR"
      )
      let report = Reconciliation(window: .distantPast..<Date(), now: Date(), grace: .zero)
        .compare(ours: [payment], theirs: [entry])
      #expect(report.lines.map(\.kind) == [.different])
      #expect(report.repairs == [.check(1)])
    }
  }
}
