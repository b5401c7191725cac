import ArgumentParser
import Foundation
import Testing

@testable import PaymentsExample
@testable import payments

@Suite("How Stripe is spoken to")
struct StripeFormatTests {
  @Test("Forms are percent-encoded, nested names in brackets")
  func form() {
    let form: StripeForm = ["amount": "5", "metadata[reference]": "a&b=c d+ü%"]
    #expect(form.text == "amount=5&metadata%5Breference%5D=a%26b%3Dc%20d%2B%C3%BC%25")
    #expect(StripeForm.escaped("pi_1/../x?y") == "pi_1%2F..%2Fx%3Fy")
  }

  @Test(
    "Amounts are told in Stripe's units, or not at all",
    arguments: [
      (1250, "EUR", 1250), (500, "JPY", 500), (5, "ISK", 500), (5120, "KWD", 5120), (5124, "KWD", nil),
      (100, "HUF", 100), (5, "UGX", nil), (100, "MGA", nil), (10_000, "CLF", nil), (10, "IQD", nil), (1, "XXX", nil),
      (Int64.max, "ISK", nil),
    ] as [(Int64, String, Int64?)]
  )
  func amounts(minorUnits: Int64, currency: String, amount: Int64?) {
    #expect(StripeAmount.amount(minorUnits, currency: currency) == amount)
    if let amount { #expect(StripeAmount.minorUnits(amount, currency: currency) == minorUnits) }
  }

  @Test("Every currency of ours has one meaning at Stripe, or none")
  func currencies() {
    for currency in Currency.codes {
      guard let amount = StripeAmount.amount(1_000_000, currency: currency) else { continue }
      #expect(StripeAmount.minorUnits(amount, currency: currency) == 1_000_000, "\(currency)")
      #expect(amount == (currency == "ISK" ? 100_000_000 : 1_000_000), "\(currency)")
    }
  }

  /// In the form that Stripe documents, with values of our own.
  private func intent(_ status: String, error: String = "null") throws -> ProviderPayment {
    let text = """
      {"id": "pi_3Test", "object": "payment_intent", "amount": 500, "amount_received": 0, "created": 1700000000,
       "currency": "isk", "last_payment_error": \(error), "latest_charge": "ch_3Test", "livemode": false,
       "metadata": {"reference": "12", "namespace": "here"}, "payment_method": null, "status": "\(status)"}
      """
    return try JSONDecoder().decode(StripePaymentIntent.self, from: Data(text.utf8)).payment
  }

  @Test(
    "Statuses are mapped so that nothing is final that isn't, and what is unknown is waited on",
    arguments: [
      ("requires_payment_method", "INIT"), ("requires_confirmation", "INIT"), ("requires_action", "REQUIRES_ACTION"),
      ("processing", "PROCESSING"), ("requires_capture", "REQUIRES_CAPTURE"), ("canceled", "CANCELLED"),
      ("succeeded", "DONE"), ("done", "PROCESSING"), ("cancelled", "PROCESSING"), ("init", "PROCESSING"),
      ("new_one", "NEW_ONE"),
    ]
  )
  func statuses(theirs: String, ours: String) throws {
    let payment = try intent(theirs)
    #expect(payment.status.rawValue == ours)
    #expect(payment.failure == nil)
    #expect(payment.reference == "12")
    #expect(payment.amount == 5)
    #expect(payment.currency == "ISK")
    #expect(payment.createdAt == Date(timeIntervalSince1970: 1_700_000_000))
  }

  @Test("An error of the last attempt is a failure only if no attempt is under way or has succeeded since")
  func failures() throws {
    let error = """
      {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
       "message": "Not enough money.", "payment_method": {"id": "pm_1Test"}}
      """
    for status in ["requires_payment_method", "canceled"] {
      #expect(try intent(status, error: error).failure == "Not enough money. (insufficient_funds)")
    }
    for status in ["processing", "succeeded", "requires_confirmation", "requires_action"] {
      #expect(try intent(status, error: error).failure == nil)
    }
    #expect(try intent("canceled", error: "{}").failure == "The payment failed.")
  }

  @Test("Refunds are final when Stripe says so, and others' have no reference of ours")
  func refunds() throws {
    func refund(_ status: String, _ metadata: String) throws -> ProviderRefund {
      let text = """
        {"id": "re_3Test", "object": "refund", "amount": 700, "currency": "isk", "metadata": \(metadata),
         "payment_intent": "pi_3Test", "status": \(status)}
        """
      return try JSONDecoder().decode(StripeRefund.self, from: Data(text.utf8)).refund
    }
    let ours = #"{"reference": "refund-1"}"#
    let done = ProviderRefund(id: "re_3Test", reference: "refund-1", amount: 7, status: "DONE")
    #expect(try refund(#""succeeded""#, ours) == done)
    for (theirs, status) in [
      (#""pending""#, "PROCESSING"), (#""requires_action""#, "REQUIRES_ACTION"), (#""failed""#, "FAILED"),
      (#""canceled""#, "FAILED"), ("null", "PROCESSING"), (#""done""#, "PROCESSING"),
    ] { #expect(try refund(theirs, ours).status == status) }
    #expect(try refund(#""succeeded""#, "{}").reference.isEmpty)
  }

  @Test(
    "A dispute is open until Stripe says won or lost; a warning that was closed took nothing",
    arguments: [
      ("needs_response", "OPEN"), ("under_review", "OPEN"), ("warning_needs_response", "OPEN"), ("won", "WON"),
      ("lost", "LOST"),
      ("warning_closed", "WON"), ("prevented", "WON"), ("something_new", "OPEN"),
    ]
  )
  func disputes(theirs: String, ours: String) throws {
    let text = """
      {"id": "du_3Test", "object": "dispute", "amount": 700, "charge": "ch_3Test", "currency": "isk", "metadata": {},
       "payment_intent": "pi_3Test", "reason": "fraudulent", "status": "\(theirs)"}
      """
    let dispute = try JSONDecoder().decode(StripeRefund.self, from: Data(text.utf8)).dispute
    #expect(dispute == ProviderRefund(id: "du_3Test", amount: 7, status: ours, reason: "fraudulent"))
  }

  @Test("The key is taken from the environment, and travels only where nobody else reads it")
  func configuration() throws {
    func configuration(_ arguments: [String], _ environment: [String: String] = [:]) throws -> StripeConfiguration {
      try StripeOptions.parse(arguments).configuration(
        namespace: "n",
        timeout: .seconds(1),
        environment: environment
      )
    }
    let method = ["--stripe-payment-method", "pm_card_visa"]
    let environment = [StripeKey.variable: "sk_test_x"]
    #expect(try configuration(method, environment).url == "https://api.stripe.com")
    #expect(throws: CommandError.self) { try configuration(method) }
    #expect(throws: CommandError.self) { try configuration([], environment) }
    for url in ["http://example.com", "ftp://127.0.0.1", "127.0.0.1", "http://127.0.0.1.example.com"] {
      #expect(throws: CommandError.self) { try configuration(method + ["--stripe-url", url], environment) }
    }
    let local = method + ["--stripe-url", "http://127.0.0.1:8420/"]
    #expect(try configuration(local, environment).url == "http://127.0.0.1:8420")
    #expect(try configuration(method, [StripeKey.variable: "rk_live_x"]).key.isLive)
    #expect(throws: CommandError.self) { try configuration(local, [StripeKey.variable: "sk_live_x"]) }
    for key in ["pk_test_x", "x", "sk_test_x\r\nX: y", "sk_test_\(String(repeating: "x", count: 300))"] {
      let error = #expect(throws: CommandError.self) { try configuration(method, [StripeKey.variable: key]) }
      #expect(error.map { "\($0)".contains(key) } == false)
    }
  }

  @Test("The provider is chosen by an option, and is our own contract's without one")
  func chooses() throws {
    #expect(try ProviderOptions.parse([]).targets().map(\.url) == ["http://127.0.0.1:8090"])
    let options = try ProviderOptions.parse([
      "--provider", "stripe", "--stripe-key", "sk_test_x", "--stripe-payment-method", "pm_card_visa",
    ])
    #expect(try options.targets() == [.init(name: "provider", url: nil)])
    #expect(try options.stripe.configuration(namespace: "n", timeout: options.timeout).timeout == .seconds(10))
  }
}
