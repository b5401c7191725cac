import EmbeddedPostgres
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Tells the provider of a payment, and keeps the provider's id.
struct InitPayment: TaskPayload {
  static let taskType: TaskType = "payment.init"
  static let taskDefaults = TaskDefaults<Self>(retry: .exponential(base: OutgoingPayments.minute))
  var paymentID: Int64
}

/// Looks at a payment until it is final: at once, and after 1, 3, 7, 15 … minutes.
struct CheckPayment: TaskPayload {
  static let taskType: TaskType = "payment.check"
  static let taskDefaults = TaskDefaults<Self>(retry: .exponential(base: OutgoingPayments.minute)) { check in
    UniqueKey("payment.check:\(check.paymentID)", mode: .coalesce)
  }
  var paymentID: Int64
}

/// Generic over the store, so that the unit test runs the same handlers in memory.
struct Payments<Store: TransactionalTaskStore>: Sendable {
  let client: TaskClient<Store>
  let rows: any PaymentRows<Store.Transaction>
  let provider: Provider

  /// The payment and the task that sends it exist together, or neither does.
  func create(amount: Int64) async throws -> Int64 {
    try await client.withTransaction { transaction in
      let id = try await rows.insert(amount: amount, in: transaction)
      try await client.enqueue(InitPayment(paymentID: id), in: transaction)
      return id
    }
  }

  func register(in handlers: inout TaskHandlers) throws {
    try handlers.register(InitPayment.self) { task, context in try await initialize(task.paymentID, context) }
    try handlers.register(CheckPayment.self) { task, context in try await check(task.paymentID, context) }
  }

  /// The intent is committed before the call. If the answer is lost, the next attempt asks before it sends anything again.
  private func initialize(_ id: Int64, _ context: TaskContext) async throws -> TaskOutcome {
    let amount = try await rows.payment(id).amount
    let receipt = try await context.effects.call("init", request: [id, amount]) { call in
      try await provider.create(amount: amount, key: call.key.rawValue)
    } reconcile: { call in
      await provider.find(key: call.key.rawValue).map { .happened($0) } ?? .didNotHappen
    }
    context.logger.info("Payment \(id) is known to the provider as \(receipt.value)")
    // The provider's id, the follow-up task, the effect's outcome and this task's completion are one commit.
    try await client.withCompletion(of: context) { transaction in
      try await client.record(receipt, in: transaction)
      try await rows.set(providerID: receipt.value, of: id, in: transaction)
      try await client.enqueue(CheckPayment(paymentID: id), in: transaction)
    }
    return .settledInTransaction
  }

  private func check(_ id: Int64, _ context: TaskContext) async throws -> TaskOutcome {
    guard let providerID = try await rows.payment(id).providerID else { return .discard(reason: "It was never sent.") }
    let status = try await provider.status(of: providerID)
    context.logger.info("Payment \(id), look \(context.attempt): \(status)")
    guard status != "PENDING" else { return .again }
    try await client.withCompletion(of: context) { transaction in
      try await rows.set(status: status, of: id, in: transaction)
    }
    return .settledInTransaction
  }

  /// The provider says that something changed. A waiting check is pulled forward, a running one runs once more; repeated callbacks make no
  /// second one. What counts is what the check sees.
  func callback(providerID: String) async throws {
    guard let id = try await rows.id(ofProviderID: providerID) else { return }
    try await client.enqueue(CheckPayment(paymentID: id))
  }
}

@main
struct OutgoingPayments {
  /// So that the example ends soon. A real program leaves the retry policy as it is, with minutes of 60 seconds.
  static let minute: Duration = .seconds(1)

  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let database = LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1])
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let rows = PostgresPaymentRows(pool: store.pool)
    try await rows.createTable()
    let payments = Payments(client: TaskClient(store: store), rows: rows, provider: Provider())
    var handlers = TaskHandlers()
    try payments.register(in: &handlers)
    let worker = try TaskWorker(store: store, handlers: handlers)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      try await pay(payments)
      worker.shutDown()
      try await group.waitForAll()
    }
    await store.close()
    await server?.stop()
  }

  /// Three payments: one that is final at the fourth look, one whose first answer is lost, one that callbacks pull forward.
  private static func pay(_ payments: Payments<PostgresTaskStore>) async throws {
    let (rows, provider) = (payments.rows, payments.provider)
    let slow = try await payments.create(amount: 1_000)
    let lost = try await payments.create(amount: Provider.losesAnswerFor)
    let called = try await payments.create(amount: Provider.staysPendingFor)
    var isCalled = false
    while try await [rows.payment(slow), rows.payment(lost), rows.payment(called)].contains(where: {
      $0.status != "DONE"
    }) {
      if !isCalled, let id = try await rows.payment(called).providerID, await provider.looks(at: id) >= 2 {
        await provider.finish(id)
        for _ in 1...3 { try await payments.callback(providerID: id) }
        isCalled = true
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    let executed = await provider.executions
    print("Payments \(slow), \(lost) and \(called) are DONE; the provider executed \(executed).")
    precondition(executed == 3, "a payment was lost or doubled")
  }
}
