import Foundation
import Libpq
import NIOHTTP1
import SeededRandom
@_spi(Store) import TaskQueue
import TaskQueueHTTP
@_spi(Store) import TaskQueuePostgres
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Cancelling and refunding")
struct CancelAndRefundTests {
  @Test("A payment that nobody was told to execute is cancelled at once, and never executed")
  func cancelsEarly() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      for _ in 1...2 {
        let answer = try await fixture.post("/payments/\(payment.id)/cancel")
        #expect(answer.status == 200)
        #expect(try answer.json(Payment.self).status == .cancelled)
      }
      let problem1 = try await fixture.post("/payments/\(UUID())/cancel").problem
      #expect(problem1 == .notFound)
    }
  }

  @Test(
    "Whenever a cancellation comes, the payment ends, and both books agree",
    arguments: 1...4 as ClosedRange<UInt64>
  )
  func races(seed: UInt64) async throws {
    let faults = ProviderFaults(
      errorAfterWork: 0.2,
      lostResponse: 0.2,
      processingTime: .milliseconds(50),
      honoursIdempotencyKeys: seed % 2 == 0
    )
    try await PaymentsFixture.with(faults, seed: seed) { fixture in
      let payments = try await fixture.create(10)
      var generator = SeededGenerator(seed: seed)
      for payment in payments {
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...15, using: &generator)))
        let status = try await fixture.post("/payments/\(payment.id)/cancel").status
        #expect([200, 202, 409].contains(status))
      }
      for payment in try await fixture.finals(payments) {
        #expect(payment.status.isFinal)
        #expect(fixture.executions(payment) == (payment.status == .done ? 1 : 0), "payment \(payment.id)")
      }
      try await fixture.settle()
      #expect(try await fixture.store.unsettledEffects(olderThan: .zero, limit: 10).isEmpty)
      let late = try await fixture.post("/payments/\(payments[0].id)/cancel").status
      #expect(late == 200 || late == 409)
    }
  }

  @Test("Refunds move what is left once, whatever is repeated or lost", arguments: [true, false])
  func refunds(honoursKeys: Bool) async throws {
    let faults = ProviderFaults(
      errorBeforeWork: 0.1,
      errorAfterWork: 0.2,
      lostResponse: 0.2,
      processingTime: .milliseconds(20),
      honoursIdempotencyKeys: honoursKeys
    )
    try await PaymentsFixture.with(faults, seed: 5) { fixture in
      let payment = try await fixture.finals(try await fixture.create(1))[0]
      #expect(payment.status == .done)
      let path = "/payments/\(payment.id)/refund"
      let problem2 = try await fixture.post(path, #"{"amount":250}"#).problem
      #expect(problem2 == .missingIdempotencyKey)
      let first = try await fixture.post(path, #"{"amount":250,"reason":"a part"}"#, key: "r")
      #expect(first.status == 202)
      let again = try await fixture.post(path, #"{"amount":250,"reason":"a part"}"#, key: "r")
      #expect(again.body == first.body)
      let problem3 = try await fixture.post(path, #"{"amount":251}"#, key: "r").problem
      #expect(problem3 == .keyReused)
      let problem4 = try await fixture.post(path, #"{"amount":1001}"#, key: "s").problem
      #expect(problem4 == .wrongStatus)
      let rest = try await fixture.post(path)
      #expect(try rest.json(Refund.self).amount == 1000)
      #expect(try await fixture.post(path).body == rest.body)
      let problem5 = try await fixture.post(path, "{}", key: "t").problem
      #expect(problem5 == .wrongStatus)
      try await fixture.settle()
      let details = try await fixture.client.payment(payment.id)
      #expect(details.payment.status == .done)
      #expect(details.refunds.map(\.status) == ["DONE", "DONE"])
      // In between, attempts may have failed.
      let refunded = details.history.map(\.kind).filter { [.refundRequested, .refunded].contains($0) }
      #expect(refunded.map(\.rawValue).sorted() == ["refund-requested", "refund-requested", "refunded", "refunded"])
      #expect(fixture.simulator.ledger.entries(reference: payment.reference).map(\.refunded) == [1250])
    }
  }

  @Test("Only a payment that is DONE is refunded")
  func notDone() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let problem6 = try await fixture.post("/payments/\(payment.id)/refund").problem
      #expect(problem6 == .wrongStatus)
      let problem7 = try await fixture.post("/payments/\(UUID())/refund").problem
      #expect(problem7 == .notFound)
    }
  }

  @Test("A payment that the provider refuses is FAILED, says why, and moves no money")
  func refused() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.refused(reason: "No such account."), to: payment)
      let details = try await fixture.client.payment(payment.id)
      #expect(details.payment.status == .failed)
      #expect(details.payment.failure == "No such account.")
      #expect(details.history.map(\.kind) == [.created, .refused])
    }
  }
}
