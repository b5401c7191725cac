import Foundation
import Logging
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("What goes wrong with Stripe")
struct StripeErrorTests {
  private static let request = ProviderPaymentRequest(
    reference: "1",
    userId: "u",
    amount: 5,
    currency: "EUR",
    description: ""
  )

  /// What the client makes of an answer to `POST /v1/payment_intents`.
  private func error(
    _ status: Int,
    _ body: String,
    headers: [String: String] = [:]
  ) async throws -> ProviderError {
    var thrown: ProviderError?
    try await StripeFixture.withClient { stripe, proxy in
      proxy.fail("POST", "/v1/payment_intents", .answer(status, headers: headers, body: body))
      thrown = await #expect(throws: ProviderError.self) {
        try await stripe.create(Self.request, idempotencyKey: "k")
      }
    }
    return try #require(thrown)
  }

  @Test(
    "What Stripe understood and won't do is refused, with its words",
    arguments: [
      (402, #"{"error":{"type":"card_error","code":"card_declined","decline_code":"do_not_honor","message":"No."}}"#),
      (400, #"{"error":{"type":"invalid_request_error","code":"do_not_honor","message":"No.","param":"amount"}}"#),
      (404, #"{"error":{"type":"invalid_request_error","code":"do_not_honor","message":"No."}}"#),
    ]
  )
  func refusals(status: Int, body: String) async throws {
    let error = try await self.error(status, body)
    #expect(error.code == .refused)
    #expect(error.reason == "No. (do_not_honor)")
  }

  @Test(
    "Everything else leaves open what happened",
    arguments: [
      (400, #"{"error":{"type":"idempotency_error","message":"Keys for other parameters."}}"#),
      (400, #"{"error":{"type":"invalid_request_error","code":"lock_timeout"}}"#),
      (400, "<html>a proxy</html>"), (404, "not found"), (404, "{}"),
      (401, #"{"error":{"type":"invalid_request_error","message":"Invalid key."}}"#),
      (403, #"{"error":{"type":"invalid_request_error"}}"#),
      (409, #"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}"#),
      (429, #"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#),
      (500, #"{"error":{"type":"api_error"}}"#), (503, ""), (200, "{}"), (302, ""),
    ]
  )
  func unknown(status: Int, body: String) async throws {
    let error = try await self.error(status, body)
    #expect(!error.isRefusal)
    #expect(error.code == (status == 200 ? .undecodableAnswer : .unexpectedStatus))
  }

  @Test("Stripe-Should-Retry overrules a refusal")
  func shouldRetry() async throws {
    let body = #"{"error":{"type":"card_error"}}"#
    #expect(try await error(402, body, headers: ["Stripe-Should-Retry": "true"]).isRefusal == false)
    #expect(try await error(402, body, headers: ["Stripe-Should-Retry": "false"]).isRefusal == true)
  }

  @Test(
    "Retry-After is read in seconds, and bounded",
    arguments: [("7", .seconds(7)), ("999999999", .seconds(900)), ("-1", nil), ("0", nil), ("soon", nil)]
      as [(String, Duration?)]
  )
  func retryAfter(text: String, wait: Duration?) async throws {
    let error = try await self.error(429, "{}", headers: ["Retry-After": text])
    #expect(error.retryAfter == wait)
  }

  @Test("A task comes back when Stripe says so, sooner or later than its own schedule")
  func waits() async throws {
    // Its own schedule would be ten minutes.
    try await StripeFixture.with(baseRetry: .seconds(600)) { fixture in
      fixture.proxy.fail("POST", "/v1/payment_intents", .answer(429, headers: ["Retry-After": "1"], body: "{}"))
      let start = ContinuousClock.now
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      try await eventually("the intent is made") { try await !fixture.intents(payment).isEmpty }
      #expect(ContinuousClock.now - start >= .seconds(1))
      #expect(fixture.proxy.seen("POST", "/v1/payment_intents").count == 2)
    }
  }

  @Test("What can't be told to Stripe is refused before anything is sent")
  func amount() async throws {
    try await StripeFixture.withClient { stripe, proxy in
      var request = Self.request
      request.currency = "UGX"
      let error = await #expect(throws: ProviderError.self) { try await stripe.create(request, idempotencyKey: "k") }
      #expect(error?.code == .refused)
      #expect(proxy.seen.isEmpty)
    }
  }

  @Test("Every request carries the key and the version, every POST its idempotency key")
  func headers() async throws {
    try await StripeFixture.withClient { stripe, proxy in
      let payment = try await stripe.create(Self.request, idempotencyKey: "a")
      try await stripe.execute(id: payment.id, idempotencyKey: "b")
      let refund = ProviderRefundRequest(paymentId: payment.id, reference: "refund-1", amount: 2)
      #expect(try await stripe.refund(refund, idempotencyKey: "c").status == "DONE")
      _ = try? await stripe.cancel(id: payment.id, idempotencyKey: "d")
      _ = try await stripe.refunds(paymentId: payment.id)
      _ = try await stripe.payments(reference: "1")
      for seen in proxy.seen {
        #expect(seen.headers["authorization"] == "Bearer \(StripeFixture.key)")
        #expect(seen.headers["stripe-version"] == StripeClient.version)
        #expect((seen.headers["idempotency-key"] != nil) == (seen.method == "POST"))
      }
      let keys = proxy.seen.compactMap { $0.headers["idempotency-key"] }
      #expect(keys == ["a", "b", "c", "d"])
      let forms = proxy.seen.filter { $0.method == "POST" }
      #expect(forms.allSatisfy { $0.headers["content-type"] == "application/x-www-form-urlencoded" })
      #expect(forms[0].parameters["currency"] == "eur")
      #expect(forms[0].parameters["metadata[reference]"] == "1")
      #expect(forms[2].parameters["metadata[reference]"] == "refund-1")
    }
  }

  @Test("The API key is in no description, no mirror, no error and no log, also if Stripe repeats it")
  func secrecy() async throws {
    let log = LogRecorder()
    var logger = Logger(label: "test") { _ in log }
    logger.logLevel = .trace
    try await StripeFixture.with(logger: logger) { fixture in
      let echo = #"{"error":{"type":"invalid_request_error","message":"Invalid API Key: \#(StripeFixture.key)"}}"#
      let headers = ["Retry-After": "1"]
      fixture.proxy.fail(
        "POST",
        "/v1/payment_intents",
        .answer(401, headers: headers, body: echo),
        .answer(400, body: echo)
      )
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let details = try await fixture.final(payment)
      #expect(details.payment.failure == "Invalid API Key: StripeKey(test)")
      let tasks = try await fixture.store.tasks(after: nil, limit: 100)
      var dumped = ""
      dump(fixture.app, to: &dumped, maxItems: 10_000)
      dump(fixture.stripe.configuration, to: &dumped)
      let texts = [
        dumped, "\(details)", "\(tasks)", "\(fixture.stripe)", String(reflecting: fixture.stripe),
        "\(fixture.stripe.configuration.key)", String(reflecting: fixture.stripe.configuration.key), log.text,
      ]
      for text in texts { #expect(!text.contains(StripeFixture.key)) }
      #expect(log.text.contains("HTTP status 401"))
    }
  }
}
