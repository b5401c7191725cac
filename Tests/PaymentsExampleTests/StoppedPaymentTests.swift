import Foundation
import Libpq
import Logging
import NIOHTTP1
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("What the provider has is compared with what it was asked for")
struct StoppedPaymentTests {
  typealias Stage = AlteringProvider.Stage

  /// What is altered, and a part of the reason that people get.
  private static let alterations: [(String, AlteringProvider.Alteration)] = [
    ("amount 1250 here, 1251 there", { $0.amount = 1251 }), ("currency EUR here, USD there", { $0.currency = "USD" }),
    ("another there", { $0.reference = PaymentID(number: 1).description }),
    ("another there", { $0.userId = "mallory" }),
    // As of a provider that doesn't keep the contract.
    ("amount 1250 here, none there", { $0.amount = nil }), ("currency EUR here, none there", { $0.currency = nil }),
    ("none there", { $0.reference = nil }), ("none there", { $0.userId = nil }),
  ]

  @Test(
    "Whatever differs, and at whichever stage: nothing is executed or cancelled, and a person is told, once",
    arguments: Stage.allCases,
    alterations.indices
  )
  func stops(stage: Stage, index: Int) async throws {
    let (reason, alteration) = Self.alterations[index]
    let provider = AlteringProvider(Self.scripted(stage), at: stage, alteration)
    let log = LogRecorder()
    try await Self.with(provider, log) { fixture, payment in
      let stopped = try await Self.stopped(payment, fixture)
      #expect(stopped.stopReason?.contains(reason) == true, "\(stopped.stopReason ?? "")")
      #expect(!stopped.status.isFinal)
      // Nobody goes on by himself, whoever asks for a look.
      let check = CheckPayment(paymentId: payment.id)
      let begin = InitPayment(paymentId: payment.id)
      if stopped.providerId != nil { try await fixture.app.client.enqueue(check, options: check.options) }
      try await fixture.app.client.enqueue(begin, options: begin.options)
      try await fixture.settle()
      #expect(provider.provider.count("execute") == 0)
      #expect(provider.provider.count("cancel") == 0)
      #expect(provider.provider.now.ledger.entries.map(\.status) == [.initial])
      let details = try await fixture.client.payment(payment.id)
      #expect(details.history.count { $0.kind == .stopped } == 1)
      #expect(details.history.last?.detail == stopped.stopReason)
      #expect(log.text.components(separatedBy: "payment stopped: a person has to look").count == 2, "one line")
      let listed = try await fixture.send(.GET, "/payments?stopped=true").json(PaymentPage.self)
      #expect(listed.payments.map(\.id) == [payment.id])
      let report = try await Self.report(provider.provider, fixture)
      #expect(report.lines.contains { $0.kind == .different && $0.paymentId == payment.id })
      #expect(report.repairs.isEmpty)
      let metrics = String(decoding: try await fixture.send(.GET, "/metrics").body, as: UTF8.self)
      #expect(metrics.contains("\npayments_stopped 1\n"))
    }
  }

  @Test("A person cancels a stopped payment; at the provider only what is ours is dropped", arguments: Stage.allCases)
  func cancels(stage: Stage) async throws {
    let alterations: [Bool: AlteringProvider.Alteration] = [
      true: { $0.amount = 7 }, false: { $0.reference = "somebody else's" },
    ]
    for (isOurs, alteration) in alterations {
      let provider = AlteringProvider(Self.scripted(stage), at: stage, alteration)
      try await Self.with(provider) { fixture, payment in
        _ = try await Self.stopped(payment, fixture)
        let answer = try await fixture.post("/payments/\(payment.id)/cancel")
        #expect(answer.status == 200)
        try await fixture.settle()
        #expect(try await fixture.client.payment(payment.id).payment.status == .cancelled)
        // What was never taken for ours isn't ours to drop.
        let isDropped = stage == .checked && isOurs
        #expect(provider.provider.now.ledger.entries.map(\.status) == [isDropped ? .cancelled : .initial])
        #expect(provider.provider.count("execute") == 0)
        #expect(try await fixture.post("/payments/\(payment.id)/resume").problem == .wrongStatus)
      }
    }
  }

  @Test(
    "A person resumes it: what still differs stops it again, what was corrected is executed once",
    arguments: Stage.allCases
  )
  func resumes(stage: Stage) async throws {
    let provider = AlteringProvider(Self.scripted(stage), at: stage) { $0.amount = 7 }
    try await Self.with(provider) { fixture, payment in
      _ = try await Self.stopped(payment, fixture)
      // Only the stage by which a second task learns of it.
      if stage != .created {
        #expect(try await fixture.post("/payments/\(payment.id)/resume").status == 202)
        try await fixture.settle()
        let details = try await fixture.client.payment(payment.id)
        #expect(details.history.suffix(3).map(\.kind) == [.stopped, .resumed, .stopped])
        #expect(details.history.suffix(3).map(\.actor) == ["worker", "operator", "worker"])
      }
      provider.alter(nil)
      #expect(try await fixture.post("/payments/\(payment.id)/resume").status == 202)
      try await Self.finish(payment, provider.provider, fixture)
      #expect(provider.provider.now.ledger.entries.count == 1)
      #expect(provider.provider.count("execute") == 1)
      #expect(try await fixture.post("/payments/\(payment.id)/resume").problem == .wrongStatus)
    }
  }

  @Test(
    "Somebody else's payment under our reference is not taken for ours; ours beside it is",
    arguments: [true, false]
  )
  func othersUnderOurReference(isOursThere: Bool) async throws {
    let provider = ScriptedProvider(["create": [isOursThere ? .lostAfter : .lostBefore]])
    try await Self.with(AlteringProvider(provider), works: false) { fixture, payment in
      let theirs = provider.register(reference: payment.reference, userId: "mallory", amount: payment.amount)
      try await fixture.work(with: AlteringProvider(provider)) {
        if isOursThere {
          try await Self.finish(payment, provider, fixture)
        } else {
          let stopped = try await Self.stopped(payment, fixture)
          #expect(stopped.providerId == nil)
        }
        #expect(provider.now.ledger.entry(id: theirs)?.status == .initial)
        #expect(provider.count("execute") == (isOursThere ? 1 : 0))
      }
    }
  }

  @Test("A provider that ignores our reference: ours is found among others', and without it nothing is taken")
  func ignoredReference() async throws {
    for (isOursThere, amount) in [(true, Int64(1250)), (true, 7), (false, 0)] {
      let scripted = ScriptedProvider(["create": [isOursThere ? .lostAfter : .lostBefore]])
      _ = scripted.register(reference: PaymentID(number: 1).description, userId: "mallory", amount: 1250)
      var provider = MeddlingProvider(provider: scripted)
      provider.found = { _, _ in scripted.now.ledger.entries.map { ProviderPayment($0) } }
      provider.shown = { entry in
        var entry = entry
        if entry.userId != "mallory" { entry.amount = amount }
        return entry
      }
      try await PaymentsFixture.with(works: false) { fixture in
        let payment = try await fixture.create(1)[0]
        let app = PaymentsApp(
          settings: fixture.app.settings,
          client: fixture.app.client,
          providers: .init(provider),
          logger: Log.quiet("test")
        )
        try await app.worker().whileRunning {
          if amount == 1250 { return try await Self.finish(payment, scripted, fixture) }
          let reason = try #require(try await Self.stopped(payment, fixture).stopReason)
          #expect(reason.contains(isOursThere ? "amount 1250 here, 7 there" : "another there"), "\(reason)")
          #expect(!isOursThere || !reason.contains("another"), "\(reason)")
          #expect(scripted.count("execute") == 0)
        }
      }
    }
  }

  @Test("What is altered after it was executed isn't recorded as DONE, nor is it cancelled by itself")
  func alteredLate() async throws {
    let provider = AlteringProvider(ScriptedProvider())
    try await Self.with(provider) { fixture, payment in
      try await eventually("it is executed") { provider.provider.count("execute") == 1 }
      provider.alter { $0.amount = 99 }
      let id = try #require(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.providerId)
      provider.provider.finish(id)
      let stopped = try await Self.stopped(payment, fixture)
      #expect(!stopped.status.isFinal)
      // Too late for the provider, which a person learns; it stays stopped.
      #expect(try await fixture.post("/payments/\(payment.id)/cancel").status == 202)
      try await fixture.settle()
      let refused = try await fixture.client.payment(payment.id)
      #expect(refused.history.contains { $0.kind == .cancellationRefused })
      #expect(refused.payment.stopReason != nil)
      #expect(!refused.payment.status.isFinal)
      provider.alter(nil)
      #expect(try await fixture.post("/payments/\(payment.id)/resume").status == 202)
      #expect(try await fixture.finals([payment]).map(\.status) == [.done])
      #expect(provider.provider.count("execute") == 1)
    }
  }

  @Test("A refund of another amount, or under another reference, is stopped, told, and goes on when a person says so")
  func refunds() async throws {
    let alterations: [@Sendable (inout ProviderRefund) -> Void] = [{ $0.amount = 101 }, { $0.reference = "another" }]
    for alteration in alterations {
      let provider = AlteringProvider(ScriptedProvider())
      let log = LogRecorder()
      try await Self.with(provider, log) { fixture, payment in
        try await Self.finish(payment, provider.provider, fixture)
        provider.alterRefunds(alteration)
        #expect(try await fixture.post("/payments/\(payment.id)/refund", #"{"amount":100}"#, key: "r").status == 202)
        try await fixture.settle()
        let stopped = try await fixture.client.payment(payment.id)
        #expect(stopped.refunds.map(\.status) == [Refund.created])
        #expect(stopped.refunds.first?.stopReason != nil)
        #expect(stopped.history.last?.kind == .stopped)
        #expect(log.text.contains("refund stopped: a person has to look"))
        provider.alterRefunds(nil)
        #expect(try await fixture.post("/payments/\(payment.id)/resume").status == 202)
        try await fixture.settle()
        #expect(try await fixture.client.payment(payment.id).refunds.map(\.status) == [Refund.done])
        #expect(provider.provider.count("refund") == 1)
        #expect(provider.provider.now.ledger.entries[0].refunded == 100)
      }
    }
  }

  // MARK: Parts

  /// Loses the answer to the registration if what counts is how it is found.
  private static func scripted(_ stage: Stage) -> ScriptedProvider {
    ScriptedProvider(stage == .found ? ["create": [.lostAfter]] : [:])
  }

  private static func stopped(_ payment: Payment, _ fixture: PaymentsFixture) async throws -> Payment {
    try await eventually("it is stopped") {
      try await fixture.client.payment(payment.id).payment.stopReason != nil
    }
    return try await fixture.client.payment(payment.id).payment
  }

  private static func finish(
    _ payment: Payment,
    _ provider: ScriptedProvider,
    _ fixture: PaymentsFixture
  ) async throws {
    try await eventually("it is executed") { provider.now.ledger.executions(reference: payment.reference) == 1 }
    let id = try #require(try await PaymentStore.find(payment.id, in: fixture.store.pool)?.providerId)
    provider.finish(id)
    #expect(try await fixture.finals([payment]).map(\.status) == [.done])
    try await fixture.settle()
  }

  private static func report(
    _ provider: ScriptedProvider,
    _ fixture: PaymentsFixture
  ) async throws -> ReconciliationReport {
    let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
    return try await ReconciliationRun(database: fixture.store.pool, provider: provider).report(window, grace: .zero)
  }

  private static func with(
    _ provider: AlteringProvider,
    _ log: LogRecorder = LogRecorder(),
    works: Bool = true,
    _ body: @escaping (PaymentsFixture, Payment) async throws -> Void
  ) async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      if provider.stage == .checked, provider.isAltered {
        // Registered by a worker that died before it told the provider to execute.
        let id = provider.provider.register(
          reference: payment.reference,
          userId: payment.userId,
          amount: payment.amount
        )
        try await fixture.apply(.registered(id: id, .initial), to: payment)
      }
      guard works else { return try await body(fixture, payment) }
      try await fixture.work(with: provider, logger: Logger(label: "test") { _ in log }) {
        try await body(fixture, payment)
      }
    }
  }
}
