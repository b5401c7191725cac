import Foundation
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

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
    let first = ledger.create(request, idempotencyKey: "k")
    #expect(ledger.create(request, idempotencyKey: "k") == first)
    #expect(ledger.create(request, idempotencyKey: nil).id != first.id)
    #expect(ledger.entries(reference: "7").count == 2)
  }

  @Test("Money moves once, however often execute is asked for")
  func executesOnce() {
    var ledger = ProviderLedger()
    let id = ledger.create(request, idempotencyKey: nil).id
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

  @Test("Only what wasn't executed can be cancelled, and isn't executed afterwards")
  func cancelsOnRequest() {
    var ledger = ProviderLedger()
    let first = ledger.create(request, idempotencyKey: nil).id
    guard case .done = ledger.cancel(id: first), case .repeated = ledger.cancel(id: first) else {
      Issue.record("A payment in INIT has to be cancelled, again and again.")
      return
    }
    #expect(ledger.execute(id: first, willCancel: false) == .refused)
    let second = ledger.create(request, idempotencyKey: nil).id
    _ = ledger.execute(id: second, willCancel: false)
    #expect(ledger.cancel(id: second) == .refused)
    #expect(ledger.executions(reference: "7") == 1)
    #expect(ledger.cancel(id: "nobody") == .unknownPayment)
  }

  @Test("A refund is paid once per reference, and never more than was paid")
  func refunds() {
    var ledger = ProviderLedger()
    let id = ledger.create(request, idempotencyKey: nil).id
    #expect(ledger.refund(id: id, reference: "r", amount: 60) == .refused)
    _ = ledger.execute(id: id, willCancel: false)
    _ = ledger.finish(id: id)
    for _ in 1...2 { _ = ledger.refund(id: id, reference: "r", amount: 60) }
    #expect(ledger.refund(id: id, reference: "s", amount: 41) == .refused)
    #expect(ledger.entry(id: id)?.refunded == 60)
  }

  @Test("The books are listed by time, page by page, each once")
  func lists() {
    var ledger = ProviderLedger()
    for second in 0..<1200 {
      _ = ledger.create(request, idempotencyKey: nil, at: Date(timeIntervalSince1970: Double(second)))
    }
    let window = Date(timeIntervalSince1970: 100)..<Date(timeIntervalSince1970: 1100)
    var listed: [String] = []
    var next: Int? = 0
    while let first = next {
      let page = ledger.entries(in: window, from: first)
      listed += page.entries.map(\.id)
      next = page.next
    }
    #expect(listed == (101...1100).map { "pp_\($0)" })
    #expect(ledger.entries(in: window, from: 5000).entries.isEmpty)
    #expect(ledger.entries(in: window, from: -1).next != nil)
  }

  @Test("A payment cancelled by the provider moves no money")
  func cancels() {
    var ledger = ProviderLedger()
    let id = ledger.create(request, idempotencyKey: nil).id
    _ = ledger.execute(id: id, willCancel: true)
    #expect(ledger.finish(id: id)?.status == .cancelled)
    #expect(ledger.executions(reference: "7") == 0)
  }
}
