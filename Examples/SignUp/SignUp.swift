import EmbeddedPostgres
import Libpq
import TaskQueue
import TaskQueuePostgres

/// Somebody tries the product, and then pays for it or not.
struct Trial: TaskPayload {
  static let taskType: TaskType = "trial"
  var email: String
}

/// What an account is paid with.
struct Card: Codable, Sendable {
  var number: String
}

@main
struct SignUp {
  let client: TaskClient<PostgresTaskStore>
  var trial: Duration = .seconds(14 * 86_400)
  var grace: Duration = .seconds(3 * 86_400)

  /// The whole of it, from the first day to the last. Meanwhile any number of processes may come and go.
  func handle(_ trial: Trial, _ context: TaskContext) async throws -> TaskOutcome {
    let account = try await context.transaction("open the account", on: client) { transaction in
      let sql = "INSERT INTO account (email, state) VALUES ($1, 'trial') RETURNING id"
      return try await transaction.query(sql, [.text(trial.email)])[0].int8(0)
    }
    try await context.step("welcome") { print("To \(trial.email): welcome! Your account has the number \(account).") }
    try await context.sleep("trial", for: self.trial)
    try await context.step("remind") { print("To \(trial.email): your trial is over. May we have your card?") }
    do {
      // It may have come long ago.
      let card: Card = try await context.event("card/\(trial.email)", timeout: grace)
      try await end(account, as: "paid with \(card.number)", context)
    } catch let error as FlowError where error.code == .timedOut {
      try await end(account, as: "closed", context)
    }
    return .completed
  }

  private func end(_ account: Int64, as state: String, _ context: TaskContext) async throws {
    try await context.transaction("end the trial", on: client) { transaction in
      let sql = "UPDATE account SET state = $2 WHERE id = $1"
      return try await transaction.query(sql, [.int8(account), .text(state)]).affectedRows
    }
  }

  static func main() async throws {
    // How many seconds the trial takes instead of 14 days, and a connection string; without one a private database that is gone afterwards.
    var arguments = CommandLine.arguments.dropFirst()
    let seconds = arguments.first.flatMap { Int($0) }
    if seconds != nil { arguments.removeFirst() }
    let server = arguments.isEmpty ? try await EmbeddedPostgres.start() : nil
    let database = LibpqConfiguration(server?.connectionString ?? arguments.joined(separator: " "))
    let accounts = try await run(database, trial: seconds.map { .seconds($0) })
    for (email, state) in accounts.sorted(by: { $0.key < $1.key }) { print("\(email): \(state)") }
    await server?.stop()
  }

  /// Two people sign up; one of them gives a card, on the first day.
  /// - Returns: what became of their accounts.
  static func run(_ database: LibpqConfiguration, trial: Duration?) async throws -> [String: String] {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    var example = SignUp(client: TaskClient(store: store))
    if let trial { (example.trial, example.grace) = (trial, trial) }
    let (client, signUp) = (example.client, example)
    try await client.pool.executeScript(
      "CREATE TABLE account (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, state text NOT NULL)"
    )
    var handlers = TaskHandlers()
    try handlers.register(Trial.self) { trial, context in try await signUp.handle(trial, context) }
    try await client.enqueue(all: [Trial(email: "ada@example.org"), Trial(email: "bob@example.org")])
    try await client.emit("card/ada@example.org", Card(number: "4242"))

    try await work(store, handlers) { try await client.pool.query("SELECT FROM account").rowCount == 2 }
    print("No worker runs any more, and nothing is lost: the trials go on.")
    try await work(store, handlers) { try await client.counts().isEmpty }

    let rows = try await client.pool.query("SELECT email, state FROM account").rows
    let accounts = try rows.map { (try $0.text(0), try $0.text(1)) }
    await store.close()
    return Dictionary(uniqueKeysWithValues: accounts)
  }

  /// Runs a worker until that is so.
  private static func work(
    _ store: PostgresTaskStore,
    _ handlers: TaskHandlers,
    until isSo: () async throws -> Bool
  ) async throws {
    let worker = try TaskWorker(store: store, handlers: handlers)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      while try await !isSo() { try await Task.sleep(for: .milliseconds(20)) }
      worker.shutDown()
      try await group.waitForAll()
    }
  }
}
