import Testing

@testable import PaymentsExample

@Suite("The simulated provider's books")
struct ProviderLedgerTests {
  private let request = ProviderPaymentRequest(
    reference: "7",
    userId: "u",
    amount: 100,
    currency: "EUR",
    description: ""
  )

  @Test("A repeated idempotency key gives the first payment, without one another is registered")
  func idempotencyKeys() {
    var ledger = ProviderLedger()
    let first = ledger.create(self.request, idempotencyKey: "k")
    #expect(ledger.create(self.request, idempotencyKey: "k") == first)
    #expect(ledger.create(self.request, idempotencyKey: nil).id != first.id)
    #expect(ledger.entries(reference: "7").count == 2)
  }

  @Test("Money moves once, however often execute is asked for")
  func executesOnce() {
    var ledger = ProviderLedger()
    let id = ledger.create(self.request, idempotencyKey: nil).id
    guard case .started = ledger.execute(id: id, willCancel: false) else {
      Issue.record("The first execution has to start.")
      return
    }
    for _ in 1...3 {
      guard case .repeated = ledger.execute(id: id, willCancel: false) else {
        Issue.record("Another execution has to be a repetition.")
        return
      }
    }
    #expect(ledger.finish(id: id)?.status == .done)
    #expect(ledger.finish(id: id) == nil)
    #expect(ledger.executions(reference: "7") == 1)
    #expect(ledger.execute(id: "nobody", willCancel: false) == .unknownPayment)
  }

  @Test("A payment cancelled by the provider moves no money")
  func cancels() {
    var ledger = ProviderLedger()
    let id = ledger.create(self.request, idempotencyKey: nil).id
    _ = ledger.execute(id: id, willCancel: true)
    #expect(ledger.finish(id: id)?.status == .cancelled)
    #expect(ledger.executions(reference: "7") == 0)
  }
}
