import AsyncHTTPClient
import Foundation
import Libpq
import NIOCore
import NIOHTTP1
@_spi(Store) import TaskQueue
import TaskQueueHTTP
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

// One at a time: localstripe stumbles when an endpoint is added while it posts.
@Suite("Stripe's webhooks", .serialized)
struct StripeWebhookTests {
  /// In the form that Stripe documents, with values of our own.
  private static func event(
    type: String = "payment_intent.succeeded",
    intent: String = "pi_3Test",
    namespace: String = "here"
  ) -> String {
    """
    {"id": "evt_1Test", "object": "event", "api_version": "2025-11-17.clover", "created": 1700000000,
     "data": {"object": {"id": "\(intent)", "object": "payment_intent", "amount": 1250, "currency": "eur",
       "status": "succeeded", "metadata": {"namespace": "\(namespace)", "reference": "12"}}},
     "livemode": false, "pending_webhooks": 1, "type": "\(type)"}
    """
  }

  @Test("An event of an intent of ours is a callback, and its status a hint")
  func callback() async throws {
    let format = ProviderCallbackFormat.stripe(namespace: "here")
    #expect(
      try await format.callback(Data(Self.event().utf8))
        == ProviderCallback(eventId: "evt_1Test", paymentProviderId: "pi_3Test", status: .done)
    )
  }

  @Test(
    "Refunds and disputes are about the payment that they name, whether they have our metadata or none",
    arguments: ["charge.dispute.created", "charge.dispute.closed", "refund.failed", "charge.refunded"]
  )
  func afterwards(type: String) async throws {
    let format = ProviderCallbackFormat.stripe(namespace: "here")
    for (metadata, isOurs) in [
      ("{}", true), ("null", true), (#"{"namespace":"here"}"#, true), (#"{"namespace":"there"}"#, false),
    ] {
      let event = """
        {"id":"evt_5","type":"\(type)","data":{"object":{"id":"x_1","payment_intent":"pi_3Test","status":"lost",
          "metadata":\(metadata)}}}
        """
      let callback = ProviderCallback(eventId: "evt_5", paymentProviderId: "pi_3Test", status: .init(rawValue: type))
      #expect(try await format.callback(Data(event.utf8)) == (isOurs ? callback : nil))
    }
  }

  @Test("Events of other things are taken and mean nothing; what is no event is malformed")
  func others() async throws {
    let format = ProviderCallbackFormat.stripe(namespace: "here")
    for event in [
      Self.event(type: "charge.refunded"), Self.event(namespace: "there"),
      #"{"id":"evt_2","type":"customer.created","data":{"object":{"id":"cus_1"}}}"#,
      #"{"id":"evt_3","type":"balance.available","data":{"object":{}}}"#,
    ] { #expect(try await format.callback(Data(event.utf8)) == nil) }
    for text in ["{}", "[]", "x", #"{"id":"evt_4"}"#, Self.event(intent: "")] {
      await #expect(throws: ProblemError.self) { try await format.callback(Data(text.utf8)) }
    }
  }

  @Test("A signed event pulls the check forward; unsigned, forged and stale ones are refused and change nothing")
  func endpoint() async throws {
    try await StripeFixture.with(works: false) { fixture in
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      try await fixture.store.pool.withTransaction { transaction in
        _ = try await PaymentStore.apply(.registered(id: "pi_3Test", .initial), to: payment.id, in: transaction)
      }
      let body = Self.event(namespace: fixture.stripe.configuration.namespace)
      func post(_ secret: String?, name: String = "Stripe-Signature", age: Double = 0) async throws -> UInt {
        let time = Date().addingTimeInterval(-age)
        let signature = secret.map { CallbackSignature(secrets: [$0]).sign(Data(body.utf8), at: time) }
        return try await fixture.send(
          "/paymentProviderCallback",
          body,
          headers: signature.map { [name: $0] } ?? [:]
        )
      }
      #expect(try await post(nil) == 401)
      #expect(try await post("another") == 401)
      #expect(try await post(StripeFixture.secret, age: 310) == 401)
      #expect(try await post(StripeFixture.secret, name: "Provider-Signature") == 401)
      #expect(try await checks(fixture) == 0)
      #expect(try await post(StripeFixture.secret) == 202)
      #expect(try await post(StripeFixture.secret) == 202)
      #expect(try await checks(fixture) == 1)
      // What it says isn't believed.
      #expect(try await fixture.client.payment(payment.id).payment.status == .initial)
    }
  }

  @Test(
    "What a bank settles later ends by a webhook that localstripe signed, long before the next look",
    arguments: [
      ("DE89370400440532013000", PaymentStatus.done), ("DE62370400440532013001", PaymentStatus.failed),
    ]
  )
  func settlesLater(iban: String, status: PaymentStatus) async throws {
    let local = try await LocalStripe.shared.value
    let method = try await Self.post(
      "\(local.url)/v1/payment_methods",
      ["type": "sepa_debit", "sepa_debit[iban]": iban]
    )
    let id = try #require(try JSONDecoder().decode(JSONTree.self, from: method)["id"])
    guard case .text(let paymentMethod) = id else { return }
    try await StripeFixture.with(paymentMethod: paymentMethod, type: "sepa_debit", baseRetry: .seconds(600)) {
      fixture in
      _ = try await Self.post(
        "\(local.url)/_config/webhooks/\(fixture.stripe.configuration.namespace)",
        ["url": "\(fixture.url)/paymentProviderCallback", "secret": StripeFixture.secret]
      )
      let payment = try await fixture.client.create(StripeFixture.newPayment(), idempotencyKey: "a")
      let details = try await fixture.final(payment)
      #expect(details.payment.status == status)
      #expect(fixture.proxy.seen("POST", "/confirm").count == 1)
    }
  }

  private func checks(_ fixture: StripeFixture) async throws -> Int {
    try await fixture.store.tasks(after: nil, limit: 100).count { $0.type == CheckPayment.taskType }
  }

  /// As curl would.
  private static func post(_ url: String, _ form: StripeForm) async throws -> Data {
    try await HTTPClient.withHTTPClient(configuration: .connections(1)) { client in
      var request = HTTPClientRequest(url: url)
      request.method = .POST
      request.headers.replaceOrAdd(name: "Content-Type", value: "application/x-www-form-urlencoded")
      request.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(StripeFixture.key)")
      request.body = .bytes(ByteBuffer(string: form.text))
      let response = try await client.execute(request, timeout: .seconds(20))
      #expect(response.status == .ok)
      return Data(try await response.body.collect(upTo: 1 << 20).readableBytesView)
    }
  }
}
