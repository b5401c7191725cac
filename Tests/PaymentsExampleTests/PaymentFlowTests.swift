import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Payments, from the API to the provider's books")
struct PaymentFlowTests {
  @Test("A payment reaches DONE and is executed once by a faithful provider")
  func faithfulProvider() async throws {
    try await PaymentsFixture.with(ProviderFaults(processingTime: .milliseconds(50))) { fixture in
      let payments = try await fixture.create(1)
      let final = try await fixture.finals(payments)
      #expect(final.map(\.status) == [.done])
      #expect(final.first?.providerId != nil)
      #expect(fixture.executions(payments[0]) == 1)
      #expect(fixture.simulator.ledger.entries.count == 1)
    }
  }

  @Test("A payment cancelled by the provider ends CANCELLED and moves no money")
  func cancelled() async throws {
    try await PaymentsFixture.with(ProviderFaults(cancel: 1, processingTime: .milliseconds(50))) { fixture in
      let payments = try await fixture.create(1)
      #expect(try await fixture.finals(payments).map(\.status) == [.cancelled])
      #expect(fixture.executions(payments[0]) == 0)
    }
  }

  @Test("Each payment is executed exactly once, whatever answers get lost", arguments: [1, 2, 3] as [UInt64])
  func faultyProvider(seed: UInt64) async throws {
    let faults = ProviderFaults(
      errorBeforeWork: 0.15,
      errorAfterWork: 0.15,
      lostResponse: 0.2,
      stall: 0.05,
      duplicateCallback: 0.5,
      lostCallback: 0.3,
      stallTime: .milliseconds(700),
      processingTime: .milliseconds(100),
      honoursIdempotencyKeys: seed != 3
    )
    try await PaymentsFixture.with(faults, seed: seed) { fixture in
      let payments = try await fixture.create(20)
      let finals = try await fixture.finals(payments)
      #expect(finals.allSatisfy { $0.status == .done })
      for payment in finals {
        #expect(fixture.executions(payment) == 1, "payment \(payment.id)")
        let executed = fixture.simulator.ledger.entries(reference: payment.reference).filter { $0.executions > 0 }
        #expect(executed.map(\.id) == [payment.providerId])
      }
      try await fixture.settle()
      #expect(try await fixture.store.unsettledEffects(olderThan: .zero, limit: 10).isEmpty)
    }
  }

  @Test("Callbacks that are doubled, reordered, late, lost or forged do no harm, and no forged one is taken")
  func hostileCallbacks() async throws {
    let faults = ProviderFaults(
      duplicateCallback: 0.5,
      lostCallback: 0.3,
      reorderedCallback: 0.5,
      delayedCallback: 0.5,
      forgedCallback: 0.5,
      processingTime: .milliseconds(50),
      callbackDelay: .milliseconds(50)
    )
    try await PaymentsFixture.with(faults, seed: 3) { fixture in
      let finals = try await fixture.finals(try await fixture.create(20))
      #expect(finals.allSatisfy { $0.status == .done && fixture.executions($0) == 1 })
      let callbacks = fixture.simulator.state.withLock { $0.callbacks }
      #expect(callbacks.delivered > 0)
      #expect(callbacks.forged > 0)
      #expect(callbacks.forgedAccepted == 0)
      // The history tells each status once, and nothing after the end.
      for payment in finals {
        let history = try await fixture.client.payment(payment.id).history
        #expect(history.first?.kind == .created)
        #expect(history.count { $0.kind == .executionRequested } == 1)
        #expect(history.count { $0.status == .done } == 1)
        #expect(history.last?.status == .done)
      }
    }
  }

  @Test("Creating a payment stores its row and its task together, or neither")
  func createsBothOrNeither() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      #expect(try await fixture.store.tasks(after: nil, limit: 10).map(\.type) == [InitPayment.taskType])
      #expect(payment.status == .created)
      struct Undone: Error {}
      await #expect(throws: Undone.self) {
        try await fixture.store.pool.withTransaction { transaction in
          _ = try await PaymentCreation(client: fixture.app.client).create(
            PaymentsFixture.newPayment(),
            in: transaction
          )
          throw Undone()
        }
      }
      #expect(try await fixture.store.tasks(after: nil, limit: 10).count == 1)
      #expect(try await PaymentStore.list(after: nil, limit: 10, in: fixture.store.pool).count == 1)
    }
  }
}
