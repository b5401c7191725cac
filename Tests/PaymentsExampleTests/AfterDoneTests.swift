import Foundation
import Libpq
import NIOHTTP1
import Outbox
@_spi(Store) import TaskQueue
import TaskQueueHTTP
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("A payment's life after it is DONE")
struct AfterDoneTests {
  /// Takes every event.
  private struct Listener: OutboxTransport {
    func deliver(_ event: OutboxEvent) async throws {}
  }

  @Test("A callback has it looked at, and it is written once however often it comes", arguments: AfterDoneStory.all)
  func calledBack(story: AfterDoneStory) async throws {
    try await Self.with(.init(duplicateCallback: 1, processingTime: .milliseconds(20))) { fixture in
      let payment = try await Self.pay(story, fixture)
      for occurrence in story.happens {
        #expect(try await Self.happens(occurrence, to: payment, fixture) == 200)
        try await fixture.settle()
      }
      try await Self.expect(story, payment, events: story.events, fixture)
      // Another look finds nothing new, nor does a late callback.
      let id = try #require(payment.providerId)
      _ = await fixture.simulator.send(id, .init(rawValue: "LATE"), .none)
      _ = await fixture.simulator.send(id, .processing, .none)
      try await fixture.settle()
      try await Self.expect(story, payment, events: story.events, fixture)
    }
  }

  @Test("Without a callback a comparison finds it, and takes it over if it is told to", arguments: AfterDoneStory.all)
  func compared(story: AfterDoneStory) async throws {
    try await Self.with(.init(lostCallback: 1, processingTime: .milliseconds(20))) { fixture in
      let payment = try await Self.pay(story, fixture)
      _ = try await Self.report(fixture)
      for (index, occurrence) in story.happens.enumerated() {
        // What failed before anybody knew of it moved nothing: nobody has to know. So it is found while it is DONE.
        if occurrence == .refundFailed, index > 0 { try await Self.repair(fixture) }
        #expect(try await Self.happens(occurrence, to: payment, fixture) == 200)
      }
      let report = try await Self.report(fixture)
      #expect(report.lines.first?.kind == (story.events.last == "REFUND_FAILED" ? .refundDifferent : story.found))
      #expect(report.repairs == [.check(payment.id)])
      try await Self.repair(fixture)
      let isSeenTwice = story.events == ["REFUNDED", "REFUND_FAILED"]
      try await Self.expect(
        story,
        payment,
        events: isSeenTwice ? story.events : [story.events[story.events.count - 1]],
        fixture
      )
    }
  }

  @Test(
    "Money that moves for a payment that has ended without is told once, in the history",
    arguments: ["DONE", "RETURNED"]
  )
  func endedBefore(word: String) async throws {
    let provider = AlteringProvider(ScriptedProvider())
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let id = provider.provider.register(reference: payment.reference, userId: payment.userId, amount: payment.amount)
      try await fixture.apply(.registered(id: id, .initial), to: payment)
      try await fixture.apply(.reported(.cancelled), to: payment)
      provider.alter { $0.status = .init(rawValue: word) }
      for event in ["e1", "e2"] {
        let body = #"{"eventId":"\#(event)","paymentProviderId":"\#(id)","status":"\#(word)"}"#
        let signature = CallbackSignature(secrets: [PaymentsFixture.secret]).sign(Data(body.utf8), at: Date())
        let answer = try await fixture.send(
          .POST,
          "/paymentProviderCallback",
          headers: ["Content-Type": "application/json", ProviderCallback.signatureHeader: signature],
          body: body
        )
        #expect(answer.status == 202)
        try await look(payment, provider, fixture)
      }
      let details = try await fixture.client.payment(payment.id)
      #expect(details.payment.status == .cancelled)
      #expect(details.history.count { $0.kind == .stopped && $0.detail?.contains("money moved") == true } == 1)
    }
  }

  @Test(
    "What was never paid isn't taken back, whatever the provider shows",
    arguments: [0, -5, 1251, 999_999] as [Int64]
  )
  func impossible(amount: Int64) async throws {
    let provider = AlteringProvider(ScriptedProvider())
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let id = provider.provider.register(reference: payment.reference, userId: payment.userId, amount: payment.amount)
      try await fixture.apply(.registered(id: id, .done), to: payment)
      _ = try await provider.execute(id: id, idempotencyKey: "x")
      provider.provider.finish(id)
      _ = try await provider.refund(.init(paymentId: id, reference: "theirs", amount: 100), idempotencyKey: "k")
      provider.alterRefunds { $0.amount = amount }
      try await fixture.app.client.enqueue(CheckPayment(paymentId: payment.id))
      try await look(payment, provider, fixture)
      #expect(try await fixture.client.payment(payment.id).refunds.isEmpty)
      #expect(try await LedgerStore.check(in: fixture.store.pool).isEmpty)
      // The same of a possible amount is taken over.
      provider.alterRefunds { $0.amount = 100 }
      try await fixture.app.client.enqueue(CheckPayment(paymentId: payment.id))
      try await look(payment, provider, fixture)
      #expect(try await fixture.client.payment(payment.id).refunds.map(\.amount) == [100])
      // Of two with one id one is.
      _ = try await provider.refund(.init(paymentId: id, reference: "another", amount: 100), idempotencyKey: "l")
      provider.alterRefunds { $0.id = "twice" }
      try await fixture.app.client.enqueue(CheckPayment(paymentId: payment.id))
      try await look(payment, provider, fixture)
      #expect(try await fixture.client.payment(payment.id).refunds.map(\.amount) == [100, 100])
    }
  }

  /// The check task that is there looks.
  private func look(_ payment: Payment, _ provider: AlteringProvider, _ fixture: PaymentsFixture) async throws {
    let task = try await fixture.claim(CheckPayment.taskType)
    let context = TaskContext(task: task, ledger: fixture.store, logger: Log.quiet("test"))
    let handler = CheckPaymentHandler(client: fixture.app.client, providers: .init(provider))
    if try await handler.handle(.init(paymentId: payment.id), context: context) == .completed {
      try await fixture.app.client.withCompletion(of: context) { _ in }
    }
  }

  @Test("A refund that a comparison found and that failed before anybody took it over leaves nothing behind")
  func foundThenFailed() async throws {
    try await Self.with(.init(lostCallback: 1, processingTime: .milliseconds(20))) { fixture in
      let payment = try await Self.pay(AfterDoneStory.all[0], fixture)
      #expect(try await Self.happens(.refunded(amount: 100), to: payment, fixture) == 200)
      #expect(try await Self.report(fixture).clearing.map(\.amount.rawValue) == ["100"])
      #expect(try await Self.happens(.refundFailed, to: payment, fixture) == 200)
      try await Self.expectRight(fixture)
    }
  }

  @Test("A dispute that is open is compared however old its payment is")
  func oldDispute() async throws {
    try await Self.with(.init(lostCallback: 1, processingTime: .milliseconds(20))) { fixture in
      let payment = try await Self.pay(AfterDoneStory.all[0], fixture)
      #expect(try await Self.happens(.disputed(amount: 100), to: payment, fixture) == 200)
      try await Self.repair(fixture)
      #expect(try await Self.happens(.disputeLost, to: payment, fixture) == 200)
      let run = ReconciliationRun(database: fixture.store.pool, provider: fixture.provider)
      let later = Date().addingTimeInterval(3600)..<Date().addingTimeInterval(7200)
      let report = try await run.report(later, grace: .zero)
      #expect(report.lines.first?.kind == .disputeBehind)
      #expect(report.repairs == [.check(payment.id)])
    }
  }

  @Test("What came back before anybody saw that it had moved is posted and reversed")
  func returnedUnseen() async throws {
    try await Self.with(.init(lostCallback: 1, processingTime: .seconds(600))) { fixture in
      let payment = try await fixture.create(1)[0]
      try await eventually("it is executed") { fixture.executions(payment) == 1 }
      let entry = try #require(fixture.simulator.ledger.entries(reference: payment.reference).first)
      #expect(await fixture.simulator.occur(.returned, to: entry.id) != nil)
      #expect(try await fixture.finals([payment]).map(\.status) == [.returned])
      try await fixture.settle()
      let ledger = LedgerFixture(pool: fixture.store.pool)
      #expect(try await ledger.phases("\(payment.id)") == ["pending", "posted", "reversed"])
      #expect(try await Self.events(payment, fixture) == ["CREATED", "RETURNED"])
      try await Self.expectRight(fixture)
      #expect(try await fixture.post("/payments/\(payment.id)/refund").problem == .wrongStatus)
      #expect(try await fixture.client.payment(payment.id).history.last?.actor == PaymentActor.provider)
    }
  }

  @Test("What the provider calls FAILED or REJECTED is final, and says so", arguments: ["FAILED", "REJECTED"])
  func failedThere(word: String) async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      try await fixture.apply(.registered(id: "p", .initial), to: payment)
      try await fixture.apply(.executionDue(round: 1), to: payment)
      try await fixture.app.client.enqueue(CheckPayment(paymentId: payment.id))
      let task = try await fixture.claim(CheckPayment.taskType)
      let entry = ProviderPayment(
        id: "p",
        status: .init(rawValue: word),
        reference: payment.reference,
        userId: payment.userId,
        amount: payment.amount,
        currency: payment.currency
      )
      let provider = AlteringProvider(ScriptedProvider()) { $0 = entry }
      let id = provider.provider.register(reference: payment.reference, userId: payment.userId, amount: payment.amount)
      try await fixture.store.pool.executeScript("UPDATE payments.payment SET provider_id = '\(id)'")
      let context = TaskContext(task: task, ledger: fixture.store, logger: Log.quiet("test"))
      let handler = CheckPaymentHandler(client: fixture.app.client, providers: .init(provider))
      _ = try await handler.handle(.init(paymentId: payment.id), context: context)
      let details = try await fixture.client.payment(payment.id)
      #expect(details.payment.status == .failed)
      #expect(details.payment.failure == "The provider says \(word).")
      #expect(details.history.last?.kind == .declined)
      #expect(try await LedgerFixture(pool: fixture.store.pool).phases("\(payment.id)") == ["pending", "voided"])
      #expect(try await fixture.checks().isEmpty)
    }
  }

  @Test("All that is left can be refunded again once the refund has failed, and only then")
  func refundAllAgain() async throws {
    try await Self.with { fixture in
      let payment = try await fixture.finals(try await fixture.create(1))[0]
      let path = "/payments/\(payment.id)/refund"
      var refunds: [Refund] = []
      for _ in 1...3 {
        let answer = try await fixture.post(path)
        #expect(answer.status == 202)
        #expect(answer.headers.first(name: "Idempotency-Replayed") == nil)
        refunds.append(try answer.json(Refund.self))
        // While it is open, and when it is DONE.
        for _ in 1...2 {
          let again = try await fixture.post(path, #"{"reason":"told twice"}"#)
          #expect(again.body == answer.body)
          #expect(again.headers.first(name: "Idempotency-Replayed") == "true")
          try await fixture.settle()
        }
        #expect(try await Self.happens(.refundFailed, to: payment, fixture) == 200)
        try await fixture.settle()
      }
      #expect(Set(refunds.map(\.id)).count == 3)
      let details = try await fixture.client.payment(payment.id)
      #expect(details.refunds.map(\.status) == ["FAILED", "FAILED", "FAILED"])
      try await Self.expectRight(fixture)
    }
  }

  @Test(
    "Whatever the provider does by itself, books, ledger and clearing accounts end equal",
    arguments: [1, 2] as [UInt64]
  )
  func all(seed: UInt64) async throws {
    let faults = ProviderFaults(
      errorAfterWork: 0.1,
      lostResponse: 0.1,
      duplicateCallback: 0.5,
      lostCallback: 0.3,
      reorderedCallback: 0.3,
      delayedCallback: 0.3,
      returned: 0.3,
      disputed: 0.4,
      ownRefund: 0.4,
      refundFailure: 0.5,
      processingTime: .milliseconds(20),
      occurrenceDelay: .milliseconds(60),
      callbackDelay: .milliseconds(100)
    )
    try await Self.with(faults, seed: seed) { fixture in
      let payments = try await fixture.finals(try await fixture.create(20))
      for payment in payments.prefix(10) {
        let status = try await fixture.post("/payments/\(payment.id)/refund", #"{"amount":300}"#, key: "\(payment.id)")
          .status
        #expect([202, 409].contains(status))
      }
      try await fixture.settle()
      try await eventually("nothing happens any more, and the books agree", within: .seconds(120)) {
        let before = fixture.simulator.ledger.entries
        try await Self.repair(fixture)
        try await Task.sleep(for: .milliseconds(500))
        let isOver =
          before == fixture.simulator.ledger.entries
          && !before.contains { $0.disputes.contains { $0.status == "OPEN" } }
        return try await Self.report(fixture).isClean && isOver
      }
      try await Self.expectRight(fixture)
      let entries = fixture.simulator.ledger.entries
      #expect(entries.contains { $0.status == .returned } && entries.contains { !$0.disputes.isEmpty })
      for payment in payments {
        let details = try await fixture.client.payment(payment.id)
        let entry = try #require(entries.first { $0.id == payment.providerId })
        #expect(details.payment.status.rawValue == entry.status.rawValue)
        #expect(details.disputes.map(\.status) == entry.disputes.map(\.status))
        let here = details.refunds.filter { $0.status == "DONE" }.reduce(0) { $0 + $1.amount }
        #expect(here == entry.refunded)
      }
    }
  }

  @Test("What moved no money here and did there is for a person, and so is another amount")
  func forPeople() {
    let done = ProviderRefund(id: "r", reference: "x", amount: 30, status: "DONE")
    func changes(_ status: String, _ entry: ProviderRefund, origin: Refund.Origin = .caller) -> [PaymentRefunds.Change]
    {
      let refund = Refund(
        id: 7,
        paymentId: 1,
        amount: 30,
        reason: "",
        status: status,
        origin: origin,
        providerId: "r",
        createdAt: .distantPast,
        updatedAt: .distantPast
      )
      return PaymentRefunds(payment: nil, providerId: "p", currency: "EUR", ours: [refund], theirs: [entry]).changes
    }
    #expect(changes("FAILED", done).isEmpty)
    #expect(changes("DONE", done).isEmpty)
    #expect(changes("PROCESSING", done) == [.ask(7)])
    var other = done
    other.amount = 31
    #expect(changes("PROCESSING", other, origin: .provider).isEmpty)
    var back = done
    back.status = "PROCESSING"
    #expect(changes("DONE", back).isEmpty)
    for (word, isFinal) in [
      ("FAILED", true), ("REJECTED", true), ("RETURNED", true), ("CANCELLED", true), ("HELD", false),
      // Words for disputes.
      ("WON", false), ("LOST", false), ("OPEN", false),
    ] {
      back.status = word
      #expect(changes("DONE", back).isEmpty == !isFinal, "\(word)")
    }
    var lost = ProviderRefund(id: "r", amount: 30, status: "LOST")
    lost.isDispute = true
    #expect(changes("WON", lost, origin: .dispute).isEmpty)
    #expect(changes("OPEN", lost, origin: .dispute).count == 1)
  }

  private static func with(
    _ faults: ProviderFaults = .init(processingTime: .milliseconds(20)),
    seed: UInt64 = 1,
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    let settings = PaymentsFixture.settings { $0.outbox = OutboxSettings(transport: Listener()) }
    try await PaymentsFixture.with(faults, seed: seed, settings: settings, body)
  }

  private static func pay(_ story: AfterDoneStory, _ fixture: PaymentsFixture) async throws -> Payment {
    let payment = try await fixture.finals(try await fixture.create(1))[0]
    if let refund = story.refund {
      #expect(
        try await fixture.post("/payments/\(payment.id)/refund", #"{"amount":\#(refund)}"#, key: "r").status == 202
      )
    }
    try await fixture.settle()
    return payment
  }

  /// As tests of others do: over the simulator's own address.
  private static func happens(
    _ occurrence: ProviderOccurrence,
    to payment: Payment,
    _ fixture: PaymentsFixture
  ) async throws -> UInt {
    let id = try #require(payment.providerId)
    let body = try JSONFormat.encoder().encode(occurrence)
    let caller = fixture.provider.caller
    return try await caller.call(.POST, "/v1/payments/\(id)/occurrences", body: body, idempotencyKey: nil).status.code
  }

  private static func expect(
    _ story: AfterDoneStory,
    _ payment: Payment,
    events: [String],
    _ fixture: PaymentsFixture
  ) async throws {
    let details = try await fixture.client.payment(payment.id)
    #expect(details.payment.status == story.status)
    #expect(details.refunds.map(\.status) == story.refunds)
    #expect(details.disputes.map(\.status) == story.disputes)
    #expect(details.disputes.allSatisfy { $0.origin == .dispute && $0.reason == "not received" })
    let refunded = story.refund == nil ? [] : ["REFUNDED"]
    #expect(try await Self.events(payment, fixture) == ["CREATED", "COMPLETED"] + refunded + events)
    let late = details.history.suffix(events.count)
    #expect(late.allSatisfy { $0.actor == PaymentActor.provider })
    try await expectRight(fixture)
    let held: Int64 = story.disputes == ["OPEN"] ? 1250 : 0
    var balances = [
      "user:user-1 EUR": "\(-story.paid)", "held:provider EUR": "\(held)", "payee EUR": "\(story.paid - held)",
    ]
    for (account, amount) in balances where amount == "0" { balances[account] = nil }
    #expect(try await LedgerFixture(pool: fixture.store.pool).balances() == balances)
    // What is left can be refunded, and no more.
    let path = "/payments/\(payment.id)/refund"
    let left = max(0, story.remaining)
    let tooMuch = try await fixture.post(path, #"{"amount":\#(left + 1)}"#, key: "too-much")
    #expect(tooMuch.problem == .wrongStatus)
    if story.status == .done {
      #expect(String(decoding: tooMuch.body, as: UTF8.self).contains("Of the payment \(left) minor units are left"))
    }
  }

  /// The ledger adds up, the books agree, and nothing is left over on the way to the provider.
  private static func expectRight(_ fixture: PaymentsFixture) async throws {
    for _ in 1...2 {
      let report = try await report(fixture)
      #expect(report.isClean, "\(report.lines)")
      #expect(report.clearing.allSatisfy { $0.amount.isZero && $0.unconfirmed.isZero && $0.difference.isZero })
    }
    #expect(try await LedgerStore.check(in: fixture.store.pool).isEmpty)
    #expect(try await LedgerStore.sums(in: fixture.store.pool).allSatisfy(\.amount.isZero))
  }

  private static func report(_ fixture: PaymentsFixture) async throws -> ReconciliationReport {
    let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
    return try await ReconciliationRun(database: fixture.store.pool, provider: PatientProvider(fixture.provider))
      .report(window, grace: .zero)
  }

  private static func repair(_ fixture: PaymentsFixture) async throws {
    let repair = ReconciliationRepair(client: fixture.app.client, provider: PatientProvider(fixture.provider))
    _ = try await repair.carryOut(try await report(fixture).repairs)
    try await fixture.settle()
  }

  private static func events(_ payment: Payment, _ fixture: PaymentsFixture) async throws -> [String] {
    try await fixture.store.pool.query(
      "SELECT type FROM payments.outbox WHERE aggregateid = $1 ORDER BY sequence",
      [.text("\(payment.id)")]
    ).rows.map { try $0.text(0) }
  }
}

extension CallbackPlan {
  /// Once, and as it is.
  static let none = Self(isLost: false, copies: 1, isReordered: false, isDelayed: false, isForged: false)
}
