import Foundation
import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// The examples of `docs/testing.md`.
@Suite("The testing guide")
struct TestKitGuideTests {
  struct SendReceipt: TaskPayload {
    static let taskType: TaskType = "receipt.send"
    var orderID: Int
  }

  func makeHandlers(_ mailer: Mailer) throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(SendReceipt.self) { receipt, context in
      try await mailer.send(orderID: receipt.orderID)
      return .completed
    }
    return handlers
  }

  struct SignUp: TaskPayload {
    static let taskType: TaskType = "signup"
    var customer: Int
  }

  final class FakeBank: Sendable {
    private let run: FlowTestRun?
    private let open = Mutex<Set<Int>>([])
    var accounts: Int { open.withLock { $0.count } }

    init(_ run: FlowTestRun? = nil) { self.run = run }

    func open(_ customer: Int) async throws {
      try await run?.crashPoint("the bank")
      _ = open.withLock { $0.insert(customer) }
    }

    func close(_ customer: Int) { _ = open.withLock { $0.remove(customer) } }
    func charge(_ card: String, _ key: IdempotencyKey) async throws { try await run?.act("charge \(card)", key: key) }
    func hasCharged(_ card: String, _ key: IdempotencyKey) -> Bool {
      run?.hasActed("charge \(card)", key: key) ?? false
    }
  }

  func makeSignUps(_ bank: FakeBank) throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(SignUp.self) { signUp, context in
      try await context.onFailure("close") { bank.close(signUp.customer) }
      try await context.step("open") { try await bank.open(signUp.customer) }
      let card = try await context.event("card/\(signUp.customer)", as: String.self, timeout: .seconds(86_400))
      return try await context.effects.perform("charge", request: card) { call in
        try await bank.charge(card, call.key)
        return true
      } reconcile: { call in
        bank.hasCharged(card, call.key) ? .happened(true) : .didNotHappen
      } ? .completed : .discard(reason: "not charged")
    }
    return handlers
  }

  @Test("Flows that crash")
  func flows() async throws {
    try await FlowTest(SignUp(customer: 7)) { run in
      // All that is outside of the flow is made anew for each run.
      let bank = FakeBank(run)
      try run.emit("card/7", "4242", after: .seconds(3_600))
      run.invariant { ending in try #require(bank.accounts == (ending == .completed ? 1 : 0)) }
      return try makeSignUps(bank)
    }.check()
  }

  @Test("Live flows under new code")
  func lint() async throws {
    let tester = TaskTester(store: InMemoryTaskStore(), handlers: try makeSignUps(FakeBank()))
    let client = tester.client
    _ = try await tester.run(SignUp(customer: 7))
    let export = try await client.exportFlows(of: SignUp.taskType)
    let findings = try await FlowLint(makeSignUps(FakeBank())).check(export.flows)
    #expect(findings.isEmpty)
    #expect(export.flows.count == 1)
  }

  @Test("One attempt")
  func oneAttempt() async throws {
    let handlers = try makeHandlers(Mailer())
    let attempt = try await handlers.runOnce(SendReceipt(orderID: 7))
    #expect(attempt.outcome == .completed)
    #expect(attempt.isFinished)
  }

  @Test("Several attempts")
  func severalAttempts() async throws {
    let store = InMemoryTaskStore()
    let tester = TaskTester(store: store, handlers: try makeHandlers(Mailer(failures: 1)))
    let first = try await tester.run(SendReceipt(orderID: 7))
    #expect(first.error is MailerDown)
    #expect(first.failures == 1 && first.task?.state == .waiting)
    let second = try await tester.run(first.id)
    #expect(second.attempt == 2 && second.isFinished)
  }

  @Test("Time")
  func manualTime() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let tester = TaskTester(store: store, handlers: try makeHandlers(Mailer(failures: 3)), time: time)
    try await tester.client.enqueue(SendReceipt(orderID: 7))
    let attempts = try await tester.drain(within: .seconds(3_600))
    #expect(attempts.map(\.dueIn) == [.seconds(60), .seconds(120), .seconds(240), nil])
  }

  @Test("What was enqueued")
  func enqueued() async throws {
    let client = TaskClient(store: InMemoryTaskStore())
    try await placeOrder(7, client)
    let receipts = try await client.enqueued(SendReceipt.self)
    #expect(receipts.map(\.payload.orderID) == [7])
    #expect(receipts.map(\.queue) == [.default] && receipts.map(\.delay) == [.zero])
  }

  @Test("Transactions")
  func transactions() async throws {
    let client = TaskClient(store: InMemoryTaskStore())
    let orders = Orders()
    await #expect(throws: OutOfStock.self) {
      try await client.withTransaction { transaction in
        orders.insert(7)
        transaction.onRollback { orders.remove(7) }
        try await client.enqueue(SendReceipt(orderID: 7), in: transaction)
        throw OutOfStock()
      }
    }
    #expect(orders.isEmpty)
    #expect(try await client.enqueued(SendReceipt.self).isEmpty)
  }

  @Test("A receipt is sent on PostgreSQL too", .database)
  func database() async throws {
    let database = try #require(TestDatabase.current)
    let store = try PostgresTaskStore(.init(database.postgresConfiguration))
    let tester = TaskTester(store: store, handlers: try makeHandlers(Mailer()))
    let attempt = try await tester.run(SendReceipt(orderID: 7))
    #expect(attempt.isFinished)
    await store.close()
  }

  @Test("Every line of Swift in the guide, but the manifest's, is in this file, in the same order within its example")
  func guideIsTrue() throws {
    let file = URL(filePath: #filePath)
    let guide = file.deletingLastPathComponent().appending(path: "../../docs/testing.md").standardizedFileURL
    func lines(_ text: Substring) -> String {
      text.split(separator: "\n").map { $0.drop(while: \.isWhitespace) }.joined(separator: "\n")
    }
    let source = lines(try String(contentsOf: file, encoding: .utf8)[...])
    let examples = try String(contentsOf: guide, encoding: .utf8).split(separator: "```swift\n").dropFirst()
      .compactMap { $0.split(separator: "\n```").first }
    #expect(examples.count == 11)
    for example in examples where !example.contains(".testTarget") {
      #expect(source.contains(lines(example)), "\(example)")
    }
  }

  private func placeOrder(_ id: Int, _ client: TaskClient<InMemoryTaskStore>) async throws {
    try await client.enqueue(SendReceipt(orderID: id))
  }
}

struct MailerDown: Error {}

struct OutOfStock: Error {}

/// Fails so often, then works.
final class Mailer: Sendable {
  private let failures: Mutex<Int>

  init(failures: Int = 0) { self.failures = Mutex(failures) }

  func send(orderID: Int) async throws {
    let fails = failures.withLock { failures in
      failures -= 1
      return failures >= 0
    }
    if fails { throw MailerDown() }
  }
}

/// An app's orders, in memory.
final class Orders: Sendable {
  private let ids = Mutex<Set<Int>>([])
  var isEmpty: Bool { ids.withLock { $0.isEmpty } }
  func insert(_ id: Int) { ids.withLock { _ = $0.insert(id) } }
  func remove(_ id: Int) { ids.withLock { _ = $0.remove(id) } }
}
