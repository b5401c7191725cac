import Foundation
import TaskQueuePostgres
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Two databases that pay through one provider")
struct SharedProviderTests {
  @Test(
    "Whatever answers get lost, each payment is executed once, and none is taken for one of the other database",
    arguments: [true, false]
  )
  func lostAnswers(honoursKeys: Bool) async throws {
    let faults = ProviderFaults(
      errorBeforeWork: 0.1,
      errorAfterWork: 0.15,
      lostResponse: 0.3,
      processingTime: .milliseconds(50),
      honoursIdempotencyKeys: honoursKeys
    )
    try await PaymentsFixture.with(faults, seed: 7) { first in
      try await PaymentsFixture.with(sharing: first) { second in
        // Of the same people, for the same amounts: only the reference tells them apart.
        async let firsts = first.create(20)
        async let seconds = second.create(20)
        let payments = try await [(first, first.finals(firsts)), (second, second.finals(seconds))]
        var taken: Set<String> = []
        for (fixture, payments) in payments {
          for payment in payments {
            #expect(payment.status == .done)
            #expect(fixture.executions(payment) == 1)
            let id = try #require(payment.providerId)
            #expect(taken.insert(id).inserted, "each has a payment of its own at the provider")
            #expect(fixture.simulator.ledger.entry(id: id)?.reference == payment.reference)
          }
        }
        #expect(first.simulator.ledger.entries.reduce(0) { $0 + $1.executions } == 40)
        // Each compares its own part of the provider's books.
        for (fixture, payments) in payments {
          try await fixture.settle()
          let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
          let run = ReconciliationRun(database: fixture.store.pool, provider: PatientProvider(fixture.provider))
          let report = try await run.report(window, grace: .zero)
          #expect(report.isClean, "\(report.lines)")
          #expect(report.matched == payments.count)
        }
      }
    }
  }
}
