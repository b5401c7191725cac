import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Calls to the provider through the ledger of effects")
struct PaymentEffectTests {
  typealias Fault = ScriptedProvider.Fault

  @Test(
    "Whatever a call's answer becomes, it is sent once, or again only if the provider has nothing of it",
    arguments: ["create", "execute"],
    [
      ([], 1), ([.lostAfter], 1), ([.errorAfter], 1), ([.errorBefore], 2), ([.lostBefore], 2),
      ([.lostBefore, .errorBefore, .lostAfter], 3),
    ] as [([Fault], Int)]
  )
  func calls(operation: String, script: ([Fault], calls: Int)) async throws {
    let provider = ScriptedProvider([operation: script.0])
    try await withWorker(provider) { fixture, payment in
      try await eventually("it is executed") { provider.now.ledger.executions(reference: payment.reference) == 1 }
      let id = try #require(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.providerId)
      provider.finish(id)
      #expect(try await fixture.finals([payment]).map(\.status) == [.done])
      #expect(provider.count(operation) == script.calls)
      #expect(provider.now.ledger.entries.count == 1)
      try await expectSettled(fixture)
      // One key for each call, in every attempt.
      #expect(Set(provider.now.keys).count == 2)
    }
  }

  @Test("A refund whose answer is lost isn't paid twice", arguments: [.lostAfter, .errorAfter] as [Fault])
  func refunds(fault: Fault) async throws {
    let provider = ScriptedProvider(["refund": [fault]])
    try await withWorker(provider) { fixture, payment in
      try await finish(payment, provider, fixture)
      #expect(try await fixture.post("/payments/\(payment.id)/refund", #"{"amount":100}"#, key: "r").status == 202)
      try await fixture.settle()
      #expect(provider.count("refund") == 1)
      #expect(provider.now.ledger.entries[0].refunded == 100)
      #expect(try await fixture.client.payment(payment.id).refunds.map(\.status) == ["DONE"])
      try await expectSettled(fixture)
    }
  }

  @Test("With money at stake, a call that may be on its way is waited for before it is sent again")
  func waitsForTheCallLimit() async throws {
    let provider = ScriptedProvider(["refund": [.errorBefore]], callLimit: .milliseconds(700))
    try await withWorker(provider) { fixture, payment in
      try await finish(payment, provider, fixture)
      #expect(try await fixture.post("/payments/\(payment.id)/refund", #"{"amount":100}"#, key: "r").status == 202)
      try await fixture.settle()
      #expect(provider.count("refund") == 2)
      let wait = try await fixture.store.pool.query(
        """
        SELECT extract(epoch FROM intended_at - key_used_at)::float8 FROM taskqueue.effect WHERE name = 'refund'
        """
      )
      #expect(try wait[0].float8(0) >= 0.7)
      try await expectSettled(fixture)
    }
  }

  @Test("An execution that the provider refuses for good is FAILED, and what it has of it is dropped")
  func executionRefused() async throws {
    let provider = ScriptedProvider(["execute": [.refused]])
    try await withWorker(provider) { fixture, payment in
      let final = try await fixture.finals([payment])[0]
      #expect(final.status == .failed)
      #expect(final.failure == "Never.")
      try await fixture.settle()
      #expect(provider.now.ledger.entries.map(\.status) == [.cancelled])
      #expect(provider.now.ledger.executions(reference: payment.reference) == 0)
      try await expectSettled(fixture)
    }
  }

  @Test("A provider that says yes and forgets is told again, so many times")
  func forgotten() async throws {
    let provider = ScriptedProvider(["execute": [.forgotten, .lostAfter]])
    try await withWorker(provider) { fixture, payment in
      try await eventually("it is executed") { provider.now.ledger.executions(reference: payment.reference) == 1 }
      try await finish(payment, provider, fixture)
      #expect(provider.count("execute") == 2)
      try await expectSettled(fixture)
    }
    let never = ScriptedProvider(["execute": Array(repeating: .forgotten, count: 100)])
    try await withWorker(never) { fixture, payment in
      try await eventually("all rounds are over and it was looked at again") {
        never.now.looks > PaymentFollower.maxRounds + 3
      }
      #expect(never.count("execute") == PaymentFollower.maxRounds)
      #expect(Set(never.now.keys).count == 2, "one key for the registration, and one for every execute")
    }
  }

  @Test(
    "A payment cancelled while its registration was under way leaves nothing at the provider",
    arguments: [true, false]
  )
  func cancelledMeanwhile(isRegistered: Bool) async throws {
    let provider = ScriptedProvider(["create": [isRegistered ? .lostAfter : .lostBefore]])
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      // Dead after its call.
      let dead = try await fixture.claim(InitPayment.taskType, lease: .milliseconds(100))
      await #expect(throws: (any Error).self) { try await handle(dead, payment, provider, fixture) }
      #expect(try await fixture.post("/payments/\(payment.id)/cancel").status == 200)
      try await fixture.work(with: provider) {
        try await fixture.settle()
        #expect(provider.count("create") == 1)
        #expect(provider.now.ledger.entries.map(\.status) == (isRegistered ? [.cancelled] : []))
        try await expectSettled(fixture)
      }
    }
  }

  @Test("An execution without an answer is settled by our own books, if the payment is final there by now")
  func finalMeanwhile() async throws {
    let provider = ScriptedProvider(["execute": [.lostAfter]])
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      // Dead after its call.
      let dead = try await fixture.claim(InitPayment.taskType, lease: .milliseconds(100))
      await #expect(throws: (any Error).self) { try await handle(dead, payment, provider, fixture) }
      // Somebody else has learnt of its end.
      try await fixture.apply(.reported(.done), to: payment)
      try await fixture.work(with: provider) { try await expectSettled(fixture) }
      #expect(provider.count("execute") == 1)
    }
  }

  // MARK: Parts

  private func expectSettled(_ fixture: PaymentsFixture) async throws {
    try await fixture.settle()
    let left = try await fixture.store.unsettledEffects(olderThan: .zero, limit: 10)
    #expect(left.isEmpty, "\(left.map { "\($0.name): \($0.state)" })")
  }

  private func finish(_ payment: Payment, _ provider: ScriptedProvider, _ fixture: PaymentsFixture) async throws {
    try await eventually("it is executed") { provider.now.ledger.executions(reference: payment.reference) == 1 }
    let id = try #require(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.providerId)
    provider.finish(id)
    #expect(try await fixture.finals([payment]).map(\.status) == [.done])
  }

  private func handle(
    _ task: ClaimedTask,
    _ payment: Payment,
    _ provider: ScriptedProvider,
    _ fixture: PaymentsFixture
  ) async throws {
    let context = TaskContext(task: task, ledger: fixture.store, logger: Log.quiet("test"))
    _ = try await InitPaymentHandler(client: fixture.app.client, providers: .init(provider)).handle(
      InitPayment(paymentId: payment.id, isFirst: true),
      context: context
    )
  }

  private func withWorker(
    _ provider: ScriptedProvider,
    _ body: @escaping (PaymentsFixture, Payment) async throws -> Void
  ) async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.work(with: provider) { try await body(fixture, payment) }
    }
  }
}
