import AsyncHTTPClient
import Foundation
import Libpq
import NIOCore
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("Paying with Stripe, from the API to Stripe's books")
struct StripeTests {
  @Test("A payment is made as an intent that moves no money, confirmed once, and ends DONE")
  func pays() async throws {
    try await StripeFixture.with { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let details = try await fixture.final(payment)
      #expect(details.payment.status == .done)
      let intents = try await fixture.intents(payment)
      #expect(intents.map(\.id) == [details.payment.providerId])
      #expect(intents.map(\.amount) == [1250])
      #expect(intents.map(\.currency) == ["EUR"])
      #expect(fixture.proxy.seen("POST", "/confirm").count == 1)
      let created = try #require(fixture.proxy.seen("POST", "/v1/payment_intents").first)
      #expect(created.parameters["description"] == "Two books & a pen")
      #expect(created.parameters["confirm"] == nil)
      // The ledger knows how long Stripe knows a key, and that a call may be two requests.
      let options = try await fixture.store.pool.query(
        """
        SELECT array_agg(name ORDER BY name) = '{execute}' AND bool_and(key_lifetime = '24 hours')
          AND bool_and(call_limit > 2 * $1::interval) FROM taskqueue.effect
        """,
        [.interval(fixture.stripe.configuration.timeout)]
      )
      #expect(try options[0].bool(0))
    }
  }

  @Test("A declined card ends FAILED with Stripe's reason, and only once Stripe has dropped the payment")
  func declined() async throws {
    try await StripeFixture.with(paymentMethod: "pm_card_chargeCustomerFail") { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let details = try await fixture.final(payment)
      #expect(details.payment.status == .failed)
      #expect(details.payment.failure == "Your card was declined. (card_declined)")
      #expect(details.history.last?.kind == .declined)
      #expect(try await fixture.intents(payment).map(\.status) == [.cancelled])
      // Nor does the reconciliation see a difference.
      #expect(try await report(fixture).isClean)
    }
  }

  @Test("A decline and a drop whose answers get lost are asked for, and neither is sent again")
  func declinedUnheard() async throws {
    try await StripeFixture.with(paymentMethod: "pm_card_chargeCustomerFail") { fixture in
      fixture.proxy.fail("POST", "/confirm", .lose)
      fixture.proxy.fail("POST", "/cancel", .lose)
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let details = try await fixture.final(payment)
      #expect(details.payment.status == .failed)
      #expect(details.payment.failure == "Your card was declined. (card_declined)")
      #expect(try await fixture.intents(payment).map(\.status) == [.cancelled])
      #expect(fixture.proxy.seen("POST", "/confirm").count == 1)
      #expect(fixture.proxy.seen("POST", "/cancel").count == 1)
      try await fixture.expectInLedger()
    }
  }

  @Test("A worker that died between dropping and recording is followed by one that still knows the reason")
  func declinedBefore() async throws {
    try await StripeFixture.with(paymentMethod: "pm_card_chargeCustomerFail", works: false) { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let intent = try await fixture.stripe.create(Self.request(payment), idempotencyKey: "c")
      await #expect(throws: ProviderError.self) {
        try await fixture.stripe.execute(id: intent.id, idempotencyKey: "x")
      }
      #expect(try await fixture.stripe.cancel(id: intent.id, idempotencyKey: "d").status == .cancelled)
      let seen = try await fixture.stripe.payment(id: intent.id)
      #expect(seen.failure == "Your card was declined. (card_declined)")
    }
  }

  @Test("What Stripe refuses to take is FAILED at once")
  func refused() async throws {
    try await StripeFixture.with(paymentMethod: "pm_unknown") { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let details = try await fixture.final(payment)
      #expect(details.payment.status == .failed)
      #expect(details.payment.failure == "Not Found")
      #expect(try await fixture.intents(payment).isEmpty)
    }
  }

  @Test("Lost answers make neither a second intent nor a second confirmation", arguments: [1, 2, 3])
  func lostAnswers(losses: Int) async throws {
    try await StripeFixture.with { fixture in
      for _ in 1...losses {
        fixture.proxy.fail("POST", "/v1/payment_intents", .lose)
        fixture.proxy.fail("POST", "/confirm", .lose)
        fixture.proxy.fail("GET", "/v1/payment_intents", .answer(500, body: "{}"))
      }
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      #expect(try await fixture.final(payment).payment.status == .done)
      #expect(try await fixture.intents(payment).count == 1)
      try await fixture.expectInLedger()
    }
  }

  @Test("A repeated request with one key makes one intent, and with other parameters is no refusal")
  func sameKey() async throws {
    try await StripeFixture.withClient { stripe, _ in
      var request = ProviderPaymentRequest(
        reference: "1",
        userId: "u",
        amount: 500,
        currency: "JPY",
        description: ""
      )
      let first = try await stripe.create(request, idempotencyKey: "k")
      #expect(try await stripe.create(request, idempotencyKey: "k") == first)
      #expect(first.status == .initial)
      request.amount = 501
      let error = await #expect(throws: ProviderError.self) { try await stripe.create(request, idempotencyKey: "k") }
      #expect(error?.isRefusal == false)
      #expect(try await stripe.payments(reference: "1") == [first])
      #expect(try await stripe.payments(reference: "2").isEmpty)
    }
  }

  @Test("Confirming again changes nothing, whatever is repeated, and Stripe's refusal isn't taken for a failure")
  func confirmsAgain() async throws {
    try await StripeFixture.with(works: false) { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let intent = try await fixture.stripe.create(Self.request(payment), idempotencyKey: "c")
      try await fixture.stripe.execute(id: intent.id, idempotencyKey: "x")
      // As after a day, when Stripe has forgotten the key.
      let error = await #expect(throws: ProviderError.self) {
        try await fixture.stripe.execute(id: intent.id, idempotencyKey: "forgotten")
      }
      #expect(error?.isRefusal == true)
      #expect(try await fixture.stripe.payment(id: intent.id).status == .done)
    }
  }

  @Test("A confirmation that is refused because it was done before leads to DONE, not to FAILED")
  func confirmedBefore() async throws {
    try await StripeFixture.with { fixture in
      // The first one was done and its answer got lost; the books are read late; and Stripe has forgotten the key.
      let refusal = #"{"error":{"type":"invalid_request_error","code":"payment_intent_unexpected_state"}}"#
      fixture.proxy.fail("POST", "/confirm", .lose, .answer(400, body: refusal))
      let late = StripeProxy.Fault.alter { $0["status"] = "requires_confirmation" }
      fixture.proxy.fail("GET", "", late, late)
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      #expect(try await fixture.final(payment).payment.status == .done)
      #expect(fixture.proxy.seen("POST", "/confirm").count == 2)
      #expect(fixture.proxy.seen("POST", "/cancel").isEmpty)
    }
  }

  @Test("A confirmation that Stripe refuses for good ends FAILED, and the intent can't be confirmed any more")
  func refusedConfirmation() async throws {
    try await StripeFixture.with { fixture in
      let refusal = #"{"error":{"type":"invalid_request_error","message":"No such account."}}"#
      fixture.proxy.fail("POST", "/confirm", .answer(400, body: refusal))
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let details = try await fixture.final(payment)
      #expect(details.payment.status == .failed)
      #expect(details.payment.failure == "No such account.")
      #expect(try await fixture.intents(payment).map(\.status) == [.cancelled])
    }
  }

  /// A part of the reason that people get, and what is altered.
  private static let alterations: [(String, @Sendable (inout [String: JSONTree]) -> Void)] = [
    ("amount 1250 here, 1300 there", { $0["amount"] = 1300 }),
    ("currency EUR here, USD there", { $0["currency"] = "usd" }),
    ("amount 1250 here, none there", { $0["amount"] = nil }), ("reference", { $0["metadata"] = [:] }),
    ("user user-1 here, another there", { $0.change("metadata", "user_id", to: "user-2") }),
    ("reference", { $0.change("metadata", "reference", to: "0197f0c4-5d2e-7a41-9c3b-6f0d8e21a4b7") }),
  ]

  @Test(
    "An intent that isn't what was asked for is never confirmed, whether Stripe says so at once or later",
    arguments: ["POST", "GET"],
    alterations.indices
  )
  func altered(method: String, index: Int) async throws {
    let alteration = Self.alterations[index]
    try await StripeFixture.with(works: false) { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      if method == "GET" {
        // Registered by a worker that died before it told Stripe to confirm it.
        let intent = try await fixture.stripe.create(Self.request(payment), idempotencyKey: payment.reference)
        try await fixture.store.pool.withTransaction { transaction in
          _ = try await PaymentStore.apply(.registered(id: intent.id, .initial), to: payment.id, in: transaction)
        }
      }
      fixture.proxy.fail(method, method == "POST" ? "/v1/payment_intents" : "", .alter(alteration.1))
      try await fixture.app.worker().whileRunning {
        try await eventually("it is stopped") { try await fixture.client.payment(payment.id).payment.stopReason != nil }
      }
      let reason = try await fixture.client.payment(payment.id).payment.stopReason
      #expect(reason?.contains(alteration.0) == true, "\(reason ?? "")")
      #expect(fixture.proxy.seen("POST", "/confirm").isEmpty)
      #expect(fixture.proxy.seen("POST", "/cancel").isEmpty)
      try await fixture.expectInLedger()
    }
  }

  @Test("A refund of another amount is stopped, and known to people")
  func alteredRefund() async throws {
    try await StripeFixture.with { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      #expect(try await fixture.final(payment).payment.status == .done)
      fixture.proxy.fail("POST", "/v1/refunds", .alter { $0["amount"] = 251 })
      let path = "/payments/\(payment.id)/refund"
      #expect(try await fixture.send(path, #"{"amount":250}"#, headers: ["Idempotency-Key": "r"]) == 202)
      try await eventually("it is stopped") {
        try await fixture.client.payment(payment.id).refunds.first?.stopReason != nil
      }
      let refund = try await fixture.client.payment(payment.id).refunds[0]
      #expect(refund.stopReason?.contains("amount 250 here, 251 there") == true)
      #expect(refund.status == Refund.created)
    }
  }

  @Test("Cancelling drops the intent once, and says no when money has moved")
  func cancels() async throws {
    try await StripeFixture.with { fixture in
      let stripe = fixture.stripe
      let request = ProviderPaymentRequest(reference: "7", userId: "u", amount: 1, currency: "EUR", description: "")
      let first = try await stripe.create(request, idempotencyKey: "a")
      #expect(try await stripe.cancel(id: first.id, idempotencyKey: "b").status == .cancelled)
      #expect(try await stripe.cancel(id: first.id, idempotencyKey: "another").status == .cancelled)
      let second = try await stripe.create(request, idempotencyKey: "c")
      try await stripe.execute(id: second.id, idempotencyKey: "d")
      let error = await #expect(throws: ProviderError.self) {
        try await stripe.cancel(id: second.id, idempotencyKey: "e")
      }
      #expect(error?.code == .refused)
    }
  }

  @Test("Refunds reach Stripe once each, also when their answers get lost")
  func refunds() async throws {
    try await StripeFixture.with { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let id = try #require(try await fixture.final(payment).payment.providerId)
      fixture.proxy.fail("POST", "/v1/refunds", .lose, .lose)
      let path = "/payments/\(payment.id)/refund"
      #expect(try await fixture.send(path, #"{"amount":250}"#, headers: ["Idempotency-Key": "r"]) == 202)
      #expect(try await fixture.send(path, "{}") == 202)
      try await eventually("both refunds are done") {
        try await fixture.client.payment(payment.id).refunds.map(\.status) == ["DONE", "DONE"]
      }
      let refunds = try await fixture.stripe.refunds(paymentId: id)
      #expect(refunds.map(\.amount).sorted() == [250, 1000])
      #expect(Set(refunds.map(\.reference)).count == 2)
      try await fixture.expectInLedger()
    }
  }

  @Test("The books agree, an intent that nobody confirmed is harmless, and other namespaces are other books")
  func reconciles() async throws {
    try await StripeFixture.with { fixture in
      var payments: [Payment] = []
      for number in 1...3 {
        payments.append(try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "\(number)"))
      }
      for payment in payments { #expect(try await fixture.final(payment).payment.status == .done) }
      let orphan = ProviderPaymentRequest(reference: "1", userId: "u", amount: 5, currency: "EUR", description: "")
      _ = try await fixture.stripe.create(orphan, idempotencyKey: "orphan")
      var configuration = fixture.stripe.configuration
      configuration.namespace = UUID().uuidString
      let other = StripeClient(client: fixture.http, configuration: configuration)
      let theirs = try await other.create(orphan, idempotencyKey: "theirs")
      try await other.execute(id: theirs.id, idempotencyKey: "x")
      let report = try await report(fixture)
      #expect(report.isClean)
      #expect(report.matched == 3)
      #expect(report.count(.orphanedHarmless) == 1)
    }
  }

  @Test("Lists are read to their end, page by page")
  func pages() async throws {
    try await StripeFixture.withClient { stripe, proxy in
      let request = ProviderPaymentRequest(reference: "1", userId: "u", amount: 5, currency: "EUR", description: "")
      for number in 1...(StripeClient.pageSize + 1) {
        _ = try await stripe.create(request, idempotencyKey: "\(number)")
      }
      #expect(try await stripe.payments(reference: "1").count == StripeClient.pageSize + 1)
      let now = Date()
      let window = now.addingTimeInterval(-600)..<now.addingTimeInterval(1)
      var (ids, cursor): (Set<String>, String?) = ([], nil)
      repeat {
        let page = try await stripe.payments(in: window, after: cursor)
        ids.formUnion(page.payments.map(\.id))
        cursor = page.next
      } while cursor != nil
      #expect(ids.count == StripeClient.pageSize + 1)
      #expect(proxy.seen.contains { $0.parameters["starting_after"] != nil })
      let past = now.addingTimeInterval(-600)
      #expect(try await stripe.payments(in: past.addingTimeInterval(-60)..<past, after: nil).payments.isEmpty)
    }
  }

  @Test("An unknown intent is unknown, and not refused")
  func unknown() async throws {
    try await StripeFixture.withClient { stripe, _ in
      let error = await #expect(throws: ProviderError.self) { try await stripe.payment(id: "pi_none") }
      #expect(error?.code == .unknownPayment)
    }
  }

  static func request(_ payment: Payment) -> ProviderPaymentRequest {
    ProviderPaymentRequest(
      reference: payment.reference,
      userId: payment.userId,
      amount: payment.amount,
      currency: payment.currency,
      description: payment.description
    )
  }

  private func report(_ fixture: StripeFixture) async throws -> ReconciliationReport {
    let now = Date()
    return try await ReconciliationRun(database: fixture.store.pool, provider: fixture.stripe)
      .report(now.addingTimeInterval(-600)..<now.addingTimeInterval(1), grace: .zero)
  }
}

extension [String: JSONTree] {
  /// Changes a field of a field.
  fileprivate mutating func change(_ object: String, _ field: String, to value: JSONTree) {
    guard case .object(var fields)? = self[object] else { return }
    fields[field] = value
    self[object] = .object(fields)
  }
}
