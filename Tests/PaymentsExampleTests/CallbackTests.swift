import Libpq
import TaskQueue
import TaskQueuePostgres
import Testing

@testable import PaymentsExample

@Suite("Callbacks of the provider")
struct CallbackTests {
  @Test("Repeated and concurrent callbacks leave one check task", arguments: CallbackStrategy.allCases)
  func oneCheck(strategy: CallbackStrategy) async throws {
    try await PaymentsFixture.with(works: false, strategy: strategy) { fixture in
      let payment = try await fixture.create(1)[0]
      try await PaymentStore.storeProviderId("pp_x", status: .initial, for: payment.id, in: fixture.store.pool)
      try await withThrowingTaskGroup(of: UInt.self) { group in
        for _ in 1...20 { group.addTask { try await fixture.post(callbackFor: "pp_x") } }
        for try await status in group { #expect(status == 202) }
      }
      // Deleting older duplicates misses those that commit while it looks; the next callback clears them up.
      if strategy == .deleteDuplicates { #expect(try await fixture.post(callbackFor: "pp_x") == 202) }
      #expect(try await fixture.checks().count == 1)
    }
  }

  @Test("A callback for an unknown id is accepted and changes nothing")
  func unknownId() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let status = try await fixture.post(callbackFor: "nobody")
      #expect(status == 202)
      let checks = try await fixture.checks()
      #expect(checks.isEmpty)
    }
  }

  @Test("A callback's status is never believed")
  func statusIsAHint() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await PaymentStore.storeProviderId("pp_x", status: .initial, for: payment.id, in: fixture.store.pool)
      #expect(try await fixture.post(callbackFor: "pp_x") == 202)
      #expect(try await fixture.client.payment(payment.id).status == .initial)
    }
  }

  @Test("A callback for a final payment schedules nothing")
  func alreadyFinal() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await PaymentStore.storeProviderId("pp_x", status: .done, for: payment.id, in: fixture.store.pool)
      #expect(try await fixture.post(callbackFor: "pp_x") == 202)
      #expect(try await fixture.checks().isEmpty)
    }
  }
}
