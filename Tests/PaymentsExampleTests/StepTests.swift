import AsyncHTTPClient
import Foundation
import Outbox
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Steps before and after a payment")
struct StepTests {
  private static func with(
    _ simulator: ServiceSimulator,
    _ faults: ProviderFaults = ProviderFaults(processingTime: .milliseconds(20)),
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    try await simulator.running { url in
      try await HTTPClient.withHTTPClient(configuration: .connections(64)) { client in
        let settings = PaymentsFixture.settings { $0.services = ServiceSimulator.services(at: url, client) }
        try await PaymentsFixture.with(faults, settings: settings, body)
      }
    }
  }

  private static func simulator(
    rejecting step: StepName? = nil,
    faults: ServiceSimulator.Faults = .init()
  ) -> ServiceSimulator {
    ServiceSimulator(faults: faults, seed: 7, logger: Log.quiet("test")) { request in
      request.step == step ? StepAnswer(verdict: .rejected, reason: "Not this one.") : .passed
    }
  }

  private static func order(_ fixture: PaymentsFixture, _ number: Int = 1) async throws -> Payment {
    var new = PaymentsFixture.newPayment(number)
    new.orderId = "order-\(number)"
    return try await fixture.client.create(new, idempotencyKey: "step-\(number)")
  }

  @Test("Each is done once and in order, around the payment")
  func allPass() async throws {
    let simulator = Self.simulator()
    try await Self.with(simulator) { fixture in
      let payment = try await Self.order(fixture)
      #expect(try await fixture.finals([payment]).map(\.status) == [.done])
      try await fixture.settle()
      #expect(simulator.log(payment) == ["account", "fraud", "order", "delivery"])
      let history = try await fixture.client.payment(payment.id).history
      let kinds = history.map { "\($0.kind.rawValue) \($0.detail ?? "")" }
      #expect(kinds.prefix(4) == ["created ", "step-passed account", "step-passed fraud", "step-passed order"])
      #expect(kinds.last == "step-passed delivery")
      #expect(fixture.executions(payment) == 1)
    }
  }

  @Test("A payment without an order isn't asked about as one")
  func noOrder() async throws {
    let simulator = Self.simulator()
    try await Self.with(simulator) { fixture in
      let payment = try await fixture.create(1)[0]
      #expect(try await fixture.finals([payment]).map(\.status) == [.done])
      try await fixture.settle()
      #expect(simulator.log(payment) == ["account", "fraud", "delivery"])
    }
  }

  @Test(
    "A rejection ends the payment with its own word in the history, and what was done before is undone in reverse",
    arguments: [
      (StepName.account, PaymentEvent.Kind.accountRejected, ["account"]),
      (.fraud, .fraudSuspected, ["account", "fraud", "account.undo"]),
      (.order, .orderGone, ["account", "fraud", "order", "account.undo"]),
    ]
  )
  func rejected(step: StepName, kind: PaymentEvent.Kind, log: [String]) async throws {
    let simulator = Self.simulator(rejecting: step)
    try await Self.with(simulator) { fixture in
      let payment = try await Self.order(fixture)
      let final = try await fixture.finals([payment])[0]
      #expect(final.status == .failed)
      #expect(final.failure == "Not this one.")
      try await fixture.settle()
      #expect(simulator.log(payment) == log)
      let history = try await fixture.client.payment(payment.id).history
      #expect(history.filter { $0.status == .failed }.first?.kind == kind)
      #expect(history.count { $0.kind == kind } == 1)
      #expect(fixture.simulator.ledger.entries.isEmpty, "the provider never hears of it")
    }
  }

  @Test("A payment that the provider cancels gives the order and the account back, in this order")
  func cancelledByProvider() async throws {
    let simulator = Self.simulator()
    try await Self.with(simulator, ProviderFaults(cancel: 1, processingTime: .milliseconds(20))) { fixture in
      let payment = try await Self.order(fixture)
      #expect(try await fixture.finals([payment]).map(\.status) == [.cancelled])
      try await fixture.settle()
      #expect(simulator.log(payment) == ["account", "fraud", "order", "order.undo", "account.undo"])
    }
  }

  @Test("A delivery that is rejected for good pays the money back first, then gives the rest back in reverse")
  func deliveryRejected() async throws {
    let simulator = Self.simulator(rejecting: .delivery)
    try await Self.with(simulator) { fixture in
      let payment = try await Self.order(fixture)
      #expect(try await fixture.finals([payment]).map(\.status) == [.done])
      try await fixture.settle()
      #expect(simulator.log(payment) == ["account", "fraud", "order", "delivery", "order.undo", "account.undo"])
      let details = try await fixture.client.payment(payment.id)
      #expect(details.refunds.map(\.status) == [Refund.done])
      #expect(details.refunds.map(\.amount) == [payment.amount])
      let last = details.history.suffix(5).map { "\($0.kind.rawValue)" }
      #expect(last == ["delivery-rejected", "refund-requested", "refunded", "step-undone", "step-undone"])
    }
  }

  @Test("Services that lose answers and know no idempotency still do each step once, forwards and backwards")
  func lostAnswers() async throws {
    let faults = ServiceSimulator.Faults(lostResponse: 0.3, errorBeforeWork: 0.2)
    let simulator = Self.simulator(rejecting: .delivery, faults: faults)
    try await Self.with(simulator) { fixture in
      var payments: [Payment] = []
      for number in 1...10 { payments.append(try await Self.order(fixture, number)) }
      #expect(try await fixture.finals(payments).allSatisfy { $0.status == .done })
      try await fixture.settle()
      for payment in payments {
        #expect(simulator.log(payment) == ["account", "fraud", "order", "delivery", "order.undo", "account.undo"])
      }
    }
  }

  @Test("A payment cancelled while a step runs gives back what that step took, and the provider never hears of it")
  func cancelledMeanwhile() async throws {
    let cancel = Mutex<(@Sendable (StepRequest) async -> Void)?>(nil)
    let simulator = ServiceSimulator(
      logger: Log.quiet("test"),
      afterWork: { request in
        if request.step == .account, let cancel = cancel.withLock({ $0 }) { await cancel(request) }
      }
    )
    try await Self.with(simulator) { fixture in
      cancel.withLock {
        $0 = { request in _ = try? await fixture.post("/payments/\(request.reference)/cancel") }
      }
      let payment = try await Self.order(fixture)
      #expect(try await fixture.finals([payment]).map(\.status) == [.cancelled])
      try await fixture.settle()
      #expect(simulator.log(payment) == ["account", "account.undo"])
      #expect(fixture.simulator.ledger.entries.isEmpty)
    }
  }

  @Test("Every task about a payment has a deadline that sets off the alarm")
  func deadlines() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let handlers = try PaymentHandlers.make(client: fixture.app.client, providers: .init(fixture.provider))
      let types = handlers.types.filter { $0.rawValue.hasPrefix("payment.") } + [EventOutbox.payments.taskType]
      #expect(Set(PaymentAlarms.configuration(UpkeepSettings()).rules.map(\.type)) == Set(types))
    }
  }

  @Test("A repair of the books doesn't lead past the steps")
  func repair() async throws {
    let simulator = Self.simulator()
    try await simulator.running { url in
      try await HTTPClient.withHTTPClient(configuration: .connections(8)) { client in
        let settings = PaymentsFixture.settings { $0.services = ServiceSimulator.services(at: url, client) }
        try await PaymentsFixture.with(works: false, settings: settings) { fixture in
          let payment = try await Self.order(fixture)
          let repair = ReconciliationRepair(client: fixture.app.client, provider: fixture.provider)
          _ = try await repair.carryOut([.begin(payment.id)])
          #expect(try await fixture.store.tasks(after: nil, limit: 10).map(\.type) == [RunSaga.taskType])
        }
      }
    }
  }
}
