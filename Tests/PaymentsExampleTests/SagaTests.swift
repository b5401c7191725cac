import AsyncHTTPClient
import Foundation
import Libpq
import SeededRandom
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("A payment and its steps as one flow")
struct SagaTests {
  private static func with(
    _ simulator: ServiceSimulator,
    _ faults: ProviderFaults = ProviderFaults(processingTime: .milliseconds(20)),
    steps: [StepName] = StepName.allCases,
    works: Bool = true,
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    try await simulator.running { url in
      try await HTTPClient.withHTTPClient(configuration: .connections(64)) { client in
        let settings = PaymentsFixture.settings {
          $0.services = ServiceSimulator.services(at: url, client)
          $0.services.services = $0.services.services.filter { steps.contains($0.key) }
        }
        try await PaymentsFixture.with(faults, works: works, settings: settings, body)
      }
    }
  }

  private static func rejecting(
    _ rejected: StepName,
    afterWork: @escaping @Sendable (StepRequest) async -> Void = { _ in }
  ) -> ServiceSimulator {
    ServiceSimulator(
      logger: Log.quiet("test"),
      decide: { $0.step == rejected ? StepAnswer(verdict: .rejected, reason: "No.") : .passed },
      afterWork: afterWork
    )
  }

  private static func order(_ fixture: PaymentsFixture, _ number: Int = 1) async throws -> Payment {
    var new = PaymentsFixture.newPayment(number)
    new.orderId = "order-\(number)"
    return try await fixture.client.create(new, idempotencyKey: "saga-\(number)")
  }

  private static func dead(_ fixture: PaymentsFixture) async throws -> [DeadLetter] {
    try await fixture.app.client.deadLetters(.init(type: RunSaga.taskType))
  }

  @Test(
    "Goes forwards in order and backwards in reverse, and leaves nothing behind, whoever says no, cancels or loses answers",
    arguments: 1...6 as ClosedRange<UInt64>
  )
  func properties(seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let steps = seed == 1 ? StepName.allCases : StepName.allCases.filter { _ in Bool.random(using: &generator) }
    let verdicts = Mutex(SeededGenerator(seed: seed + 100))
    let simulator = ServiceSimulator(
      faults: .init(lostResponse: 0.2, errorBeforeWork: 0.1),
      seed: seed,
      logger: Log.quiet("test"),
      decide: { _ in
        let isRejected = verdicts.withLock { Int.random(in: 0..<5, using: &$0) == 0 }
        return isRejected ? StepAnswer(verdict: .rejected, reason: "No.") : .passed
      }
    )
    let faults = ProviderFaults(lostResponse: 0.1, cancel: 0.2, processingTime: .milliseconds(20))
    try await Self.with(simulator, faults, steps: steps) { fixture in
      var payments: [Payment] = []
      for number in 1...10 {
        payments.append(try await Self.order(fixture, number))
        guard Bool.random(using: &generator), let payment = payments.randomElement(using: &generator) else { continue }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...30, using: &generator)))
        _ = try await fixture.post("/payments/\(payment.id)/cancel")
      }
      _ = try await fixture.finals(payments)
      try await fixture.settle()
      for payment in payments {
        try SagaStory(try await fixture.client.payment(payment.id), simulator, fixture.simulator).check(steps)
      }
      #expect(try await Self.dead(fixture).isEmpty)
      #expect(try await fixture.store.unsettledEffects(olderThan: .zero, limit: 10).isEmpty)
      let left = "SELECT (SELECT count(*) FROM taskqueue.step) + (SELECT count(*) FROM taskqueue.event_wait)"
      #expect(try await fixture.store.pool.query(left)[0].int8(0) == 0)
    }
  }

  @Test("A refund that fails is for a person, and what is held stays held until that one has paid it back")
  func failedRefund() async throws {
    let simulator = Self.rejecting(.delivery)
    let provider = ScriptedProvider(["refund": [.refused]])
    try await Self.with(simulator, works: false) { fixture in
      let payment = try await Self.order(fixture)
      func goOn(_ until: () async throws -> Bool) async throws {
        try await fixture.work(with: provider) {
          try await eventually("the tasks are done") {
            if let id = try await fixture.client.payment(payment.id).payment.providerId { provider.finish(id) }
            return try await until()
          }
        }
      }
      let held = ["account", "fraud", "order", "delivery"]
      try await goOn { try await !Self.dead(fixture).isEmpty }
      #expect(simulator.log(payment) == held)
      let details = try await fixture.client.payment(payment.id)
      #expect(details.payment.status == .done)
      #expect(details.refunds.map(\.status) == [Refund.failed])
      let letter = try #require(try await Self.dead(fixture).first)
      #expect(letter.errors.last?.errorType.contains("RefundImpossible") == true)
      // Redriven too early, it stays as it is.
      try await fixture.app.client.redrive(.init(ids: [letter.id]))
      try await goOn { try await !Self.dead(fixture).isEmpty }
      #expect(simulator.log(payment) == held)
      #expect(try await fixture.post("/payments/\(payment.id)/refund").status == 202)
      try await goOn { try await fixture.tasks(RefundPayment.taskType).isEmpty }
      try await fixture.app.client.redrive(.init(ids: [letter.id]))
      try await goOn { try await fixture.tasks(RunSaga.taskType).isEmpty }
      #expect(simulator.log(payment) == held + ["order.undo", "account.undo"])
    }
  }

  @Test("A flow that an operator cancels while money moves takes the money back before it gives anything back")
  func cancelledFlow() async throws {
    let simulator = ServiceSimulator(logger: Log.quiet("test"))
    try await Self.with(simulator, ProviderFaults(processingTime: .milliseconds(500))) { fixture in
      let payment = try await Self.order(fixture)
      try await eventually("the provider was told to execute it") {
        try await fixture.client.payment(payment.id).payment.executionRequestedAt != nil
      }
      let flow = try #require(try await fixture.tasks(RunSaga.taskType).first)
      _ = try await fixture.app.client.cancel(flow.id)
      try await fixture.settle()
      let log = simulator.log(payment)
      #expect(log == ["account", "fraud", "order", "order.undo", "account.undo"])
      let details = try await fixture.client.payment(payment.id)
      #expect(details.payment.status == .cancelled || details.refunds.map(\.status) == [Refund.done])
      #expect(
        fixture.simulator.ledger.entries(reference: payment.reference).allSatisfy {
          $0.refunded == payment.amount * Int64($0.executions)
        }
      )
      if details.payment.status == .done {
        let kinds = details.history.map(\.kind)
        let (refunded, undone) = (kinds.firstIndex(of: .refunded) ?? .max, kinds.firstIndex(of: .stepUndone) ?? 0)
        #expect(refunded < undone, "money goes back first")
      }
      #expect(try await Self.dead(fixture).map(\.reason) == [.cancelled])
    }
  }

  @Test("A flow that was lost is begun anew by a repair, and no service does its step twice")
  func lostFlow() async throws {
    let lose = Mutex<(@Sendable () async throws -> Void)?>(nil)
    let simulator = ServiceSimulator(
      logger: Log.quiet("test"),
      afterWork: { request in
        guard request.step == .order, let lose = lose.withLock({ $0.take() }) else { return }
        do { try await lose() } catch { Issue.record(error) }
      }
    )
    try await Self.with(simulator) { fixture in
      lose.withLock {
        $0 = {
          let sql = "DELETE FROM taskqueue.task WHERE type = '\(RunSaga.taskType)'"
          let lost = try await fixture.store.pool.query(sql).affectedRows
          #expect(lost == 1)
        }
      }
      let payment = try await Self.order(fixture)
      try await eventually("the flow is lost") { lose.withLock { $0 == nil } }
      try await fixture.settle()
      let repair = ReconciliationRepair(client: fixture.app.client, provider: fixture.provider)
      _ = try await repair.carryOut([.begin(payment.id)])
      #expect(try await fixture.finals([payment]).map(\.status) == [.done])
      try await fixture.settle()
      try SagaStory(try await fixture.client.payment(payment.id), simulator, fixture.simulator).check(StepName.allCases)
      #expect(simulator.log(payment) == ["account", "fraud", "order", "delivery"])
    }
  }

  @Test("A payment whose own task was lost while the flow waits for its end is begun by a repair")
  func lostPayment() async throws {
    let simulator = ServiceSimulator(logger: Log.quiet("test"))
    try await Self.with(simulator, works: false) { fixture in
      let payment = try await Self.order(fixture)
      let down = ScriptedProvider(["create": Array(repeating: .errorBefore, count: 10_000)])
      try await fixture.work(with: down) {
        try await eventually("the flow waits") {
          try await fixture.store.pool.query("SELECT FROM taskqueue.event_wait").rowCount == 1
        }
      }
      let sql = "DELETE FROM taskqueue.task WHERE type = '\(InitPayment.taskType)'"
      #expect(try await fixture.store.pool.query(sql).affectedRows == 1)
      let repair = ReconciliationRepair(client: fixture.app.client, provider: fixture.provider)
      _ = try await repair.carryOut([.begin(payment.id)])
      try await fixture.work { try await $0.settle() }
      try SagaStory(try await fixture.client.payment(payment.id), simulator, fixture.simulator).check(StepName.allCases)
      #expect(simulator.log(payment).last == "delivery")
    }
  }

  @Test("The payment's end counts for the flow although its event has expired")
  func expiredEvent() async throws {
    let simulator = ServiceSimulator(logger: Log.quiet("test"))
    try await Self.with(simulator, works: false) { fixture in
      let payment = try await Self.order(fixture)
      try await fixture.apply(.registered(id: "pp_x", .done), to: payment)
      #expect(try await fixture.store.pool.query("DELETE FROM taskqueue.event").affectedRows == 1)
      try await fixture.work { fixture in
        try await eventually("the flow ends") { try await fixture.tasks(RunSaga.taskType).isEmpty }
      }
      #expect(simulator.log(payment) == ["account", "fraud", "order", "delivery"])
    }
  }
}

/// What became of a payment with steps, in all books.
struct SagaStory {
  let details: PaymentDetails
  let done: [String]
  let answers: [StepName: StepAnswer.Verdict]
  let executions: Int

  init(_ details: PaymentDetails, _ services: ServiceSimulator, _ provider: ProviderSimulator) {
    self.details = details
    done = services.log(details.payment)
    let books = services.books.answers
    answers = Dictionary(
      uniqueKeysWithValues: StepName.allCases.compactMap { step in
        books[StepRequest(step, details.payment).key].map { (step, $0.verdict) }
      }
    )
    executions = provider.ledger.executions(reference: details.payment.reference)
  }

  /// - Parameter steps: what the payment was accepted with.
  func check(_ steps: [StepName]) throws {
    let (status, kinds) = (details.payment.status, details.history.map(\.kind))
    let names = StepName.allCases.map(\.rawValue)
    let forwards = done.compactMap { names.firstIndex(of: $0) }
    #expect(forwards == forwards.sorted() && Set(forwards).count == forwards.count, "each step once, in order")
    let undone = done.compactMap { name in names.firstIndex { "\($0).undo" == name } }
    #expect(undone == undone.sorted(by: >) && Set(undone).count == undone.count, "each undone once, in reverse")
    #expect(forwards.count + undone.count == done.count)
    #expect(status.isFinal)
    #expect(executions == (status == .done ? 1 : 0))
    let isDeliveryRejected = answers[.delivery] == .rejected
    let held = answers.filter { $0.key.canBeUndone && $0.value == .passed }
    if status == .done, !isDeliveryRejected {
      #expect(forwards.map { names[$0] } == steps.map(\.rawValue), "all of them")
      #expect(undone.isEmpty && details.refunds.isEmpty)
    } else {
      #expect(held.isEmpty, "nothing is held for a payment that came to nothing")
    }
    if isDeliveryRejected {
      #expect(details.refunds.map(\.status) == [Refund.done])
      let refunded = try #require(kinds.firstIndex(of: .refunded))
      #expect((kinds.firstIndex(of: .stepUndone) ?? .max) > refunded, "money goes back first")
    }
    func lines(_ kind: PaymentEvent.Kind) -> [String?] { details.history.filter { $0.kind == kind }.map(\.detail) }
    #expect(lines(.stepUndone) == undone.map { names[$0] }, "each has its line")
    let passed = lines(.stepPassed)
    #expect(passed == names.filter { passed.contains($0) }, "once, and in order")
    for kind in [PaymentEvent.Kind.accountRejected, .fraudSuspected, .orderGone, .deliveryRejected] {
      #expect(lines(kind).count <= 1)
    }
  }
}
