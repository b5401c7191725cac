import ChildProcesses
import Foundation
import TaskQueuePostgres
import Testing

@testable import PaymentsExample

@Suite("Two databases that pay with one Stripe account", .serialized)
struct StripeKillTests {
  private static let payments = 24

  /// Every other one is the same in both databases, user and amount: only reference and namespace tell them apart.
  private static func newPayment(_ number: Int, of tenant: Int) -> NewPayment {
    let own = number.isMultiple(of: 2) ? 0 : tenant
    let (user, amount) = ("user-\(number)-\(own)", Int64(1000 * (own + 1) + number))
    return NewPayment(userId: user, amount: amount, currency: "EUR", description: "Payment \(number)")
  }

  @Test(
    "Whatever answers get lost and whoever is killed, each payment is one paid intent, and none is the other database's"
  )
  func killed() async throws {
    let account = try await LocalStripe.shared.value.url
    try await StripeFixture.withClient { stripe, proxy in
      let url = stripe.configuration.url
      try await StripeTenant.with(url, stripe.client) { first in
        try await StripeTenant.with(url, stripe.client) { second in
          let tenants = [first, second]
          Self.plan(proxy, tenants)
          try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, tenant) in tenants.enumerated() {
              group.addTask {
                for number in 1...Self.payments {
                  try await tenant.create(Self.newPayment(number, of: index), key: "key-\(number)")
                }
              }
            }
            try await group.waitForAll()
          }
          for tenant in tenants { try await tenant.settle() }
          for tenant in tenants {
            await tenant.stop()
            #expect(await tenant.deaths >= 4)
          }
          try await expectRight(tenants, try await intents(stripe), account)
        }
      }
    }
  }

  /// Of the calls that make and confirm intents some lose their answers, and after some, before the answer, one process dies, the other, or
  /// both; some questions fail.
  private static func plan(_ proxy: StripeProxy, _ tenants: [StripeTenant]) {
    let victims = [[tenants[0]], [tenants[1]], tenants]
    for round in 0..<9 {
      let deaths = StripeProxy.Fault.meanwhile { for victim in victims[round % 3] { try await victim.die() } }
      proxy.fail("POST", round < 6 ? "/confirm" : "/v1/payment_intents", .pass, .lose, .pass, deaths)
    }
    for _ in 1...12 { proxy.fail("GET", "", .pass, .answer(500, body: "{}")) }
  }

  private func expectRight(_ tenants: [StripeTenant], _ intents: [StripePaymentIntent], _ account: String) async throws
  {
    var taken: Set<String> = []
    for (index, tenant) in tenants.enumerated() {
      let payments = try await tenant.payments()
      let asked = (1...Self.payments).map { Self.newPayment($0, of: index) }
      #expect(payments.allSatisfy { $0.status == .done }, "\(payments.compactMap(\.stopReason))")
      #expect(Set(payments.map(\.userId)) == Set(asked.map(\.userId)))
      #expect(payments.map(\.amount).sorted() == asked.map(\.amount).sorted())
      let namespace = try await PaymentNamespace.find(in: tenant.store.pool)
      for payment in payments {
        let paid = intents.filter { $0.metadata?["reference"] == payment.reference && $0.status == "succeeded" }
        #expect(paid.map(\.id) == [payment.providerId])
        #expect(paid.map(\.amount) == [payment.amount])
        let metadata = ["reference": payment.reference, "namespace": namespace, "user_id": payment.userId]
        #expect(paid.map(\.metadata) == [metadata])
        #expect(taken.insert(payment.providerId ?? "").inserted, "each stands on an intent of its own")
      }
      // Nothing else was paid for this database.
      let paid = intents.filter { $0.metadata?["namespace"] == namespace && $0.status == "succeeded" }
      #expect(Set(paid.map(\.id)) == Set(payments.compactMap(\.providerId)))
      // Each compares its own part of the account, and doesn't know of the other's.
      let (exit, report) = try await tenant.reconcile(with: account)
      #expect(exit == .exited(0))
      #expect(report.matched == Self.payments)
      #expect(report.lines.isEmpty, "\(report.lines)")
    }
  }

  /// All of the account, whosever they are.
  private func intents(_ stripe: StripeClient) async throws -> [StripePaymentIntent] {
    var intents: [StripePaymentIntent] = []
    while true {
      var query: StripeForm = ["limit": "100"]
      if let last = intents.last { query.add("starting_after", last.id) }
      let page: StripeList<StripePaymentIntent> = try await stripe.get("/v1/payment_intents", query)
      intents += page.data
      guard page.hasMore else { return intents }
    }
  }
}
