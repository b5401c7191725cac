import Foundation
import Libpq
import Logging
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("payment.init")
struct InitPaymentTests {
  @Test("The first provider id stored stays for good")
  func keepsFirstId() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.registered(id: "first", .initial), to: payment)
      try await fixture.apply(.registered(id: "second", .processing), to: payment)
      let stored = try await PaymentStore.find(payment.id, in: fixture.store.pool)
      #expect(stored?.providerId == "first")
      #expect(stored?.status == .initial)
    }
  }

  @Test("A worker that died between creating and storing is followed by one that asks the provider")
  func asksAfterCrash() async throws {
    // The provider ignores idempotency keys: asking is all that helps.
    try await PaymentsFixture.with(ProviderFaults(honoursIdempotencyKeys: false), works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      // What the dead worker did: it had the payment registered, and stored nothing.
      let dead = try await claim(fixture, lease: .milliseconds(100))
      let orphan = try await fixture.provider.create(request(for: payment), idempotencyKey: "k")

      var next: ClaimedTask?
      try await eventually("its lease is over") {
        next = try await claimIfAny(fixture)
        return next != nil
      }
      #expect(next?.attempt == dead.attempt + 1)
      try await handle(try #require(next), fixture)
      #expect(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.providerId == orphan.id)
      #expect(fixture.simulator.ledger.entries.count == 1)
      #expect(try await fixture.checks().count == 1)
    }
  }

  @Test("An id that is another payment's stops the one that comes later")
  func othersId() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payments = try await fixture.create(2)
      for _ in payments {
        let handler = InitPaymentHandler(client: fixture.app.client, providers: .init(OneIdProvider(id: "p")))
        let task = try await claim(fixture)
        let payload = try JSONDecoder().decode(InitPayment.self, from: task.payload)
        let context = TaskContext(task: task, ledger: fixture.store, logger: Log.quiet("test"))
        _ = try await handler.handle(payload, context: context)
      }
      let stored = try await PaymentStore.find(payments.map(\.id), in: fixture.store.pool)
      #expect(stored.count { $0.providerId == "p" } == 1)
      #expect(stored.count { $0.stopReason?.contains("id of another payment") == true } == 1)
    }
  }

  @Test("What the provider refuses for good is FAILED with its reason, and not followed")
  func refused() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let refusal = ProviderError(code: .refused, call: "create", httpStatus: 422, reason: "No such account.")
      let handler = InitPaymentHandler(
        client: fixture.app.client,
        providers: .init(OneIdProvider(id: "p", error: refusal))
      )
      let context = TaskContext(task: try await claim(fixture), ledger: fixture.store, logger: Log.quiet("test"))
      _ = try await handler.handle(
        InitPayment(paymentId: payment.id),
        context: context
      )
      let stored = try await PaymentStore.find(payment.id, in: fixture.store.pool)
      #expect(stored?.status == .failed)
      #expect(stored?.failure == "No such account.")
      #expect(try await fixture.store.tasks(after: nil, limit: 10).isEmpty)
    }
  }

  @Test("An error that isn't a refusal leaves the payment as it is, to be tried again")
  func failed() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let failure = ProviderError(code: .unexpectedStatus, call: "create", httpStatus: 503)
      let handler = InitPaymentHandler(
        client: fixture.app.client,
        providers: .init(OneIdProvider(id: "p", error: failure))
      )
      let context = TaskContext(task: try await claim(fixture), ledger: fixture.store, logger: Log.quiet("test"))
      let thrown = await #expect(throws: ProviderError.self) {
        try await handler.handle(InitPayment(paymentId: payment.id), context: context)
      }
      #expect(thrown?.isRefusal == false)
      #expect(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.status == .created)
    }
  }

  @Test("A worker that lost its lease stores nothing and enqueues nothing")
  func staleWorker() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let stale = try await claim(fixture, lease: .milliseconds(100))
      var current: ClaimedTask?
      let deadline = ContinuousClock.now + .seconds(10)
      while current == nil, ContinuousClock.now < deadline {
        current = try await claimIfAny(fixture)
      }
      #expect(current != nil)
      await #expect(throws: TaskQueueError.self) { try await handle(stale, fixture) }
      #expect(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.providerId == nil)
      #expect(try await fixture.checks().isEmpty)

      try await handle(try #require(current), fixture)
      let stored = try await PaymentStore.find(payment.id, in: fixture.store.pool)
      #expect(stored?.providerId != nil)
      #expect(stored?.providerId == fixture.simulator.ledger.entries.first?.id)
      #expect(try await fixture.checks().count == 1)
    }
  }

  private func handle(_ task: ClaimedTask, _ fixture: PaymentsFixture) async throws {
    let handler = InitPaymentHandler(client: fixture.app.client, providers: .init(fixture.provider))
    let payload = try JSONDecoder().decode(InitPayment.self, from: task.payload)
    let context = TaskContext(task: task, ledger: fixture.store, logger: Log.quiet("test"))
    _ = try await handler.handle(payload, context: context)
  }

  private func claim(_ fixture: PaymentsFixture, lease: Duration = .seconds(60)) async throws -> ClaimedTask {
    try #require(try await claimIfAny(fixture, lease: lease))
  }

  private func claimIfAny(
    _ fixture: PaymentsFixture,
    lease: Duration = .seconds(60)
  ) async throws -> ClaimedTask? {
    let request = ClaimRequest(
      queues: [.default],
      types: [InitPayment.taskType],
      limit: 1,
      lease: lease,
      promotesDue: true
    )
    return try await fixture.store.exchange(settle: [], claim: request).claimed.first
  }

  private func request(for payment: Payment) -> ProviderPaymentRequest {
    ProviderPaymentRequest(
      reference: payment.reference,
      userId: payment.userId,
      amount: payment.amount,
      currency: payment.currency,
      description: payment.description
    )
  }
}
