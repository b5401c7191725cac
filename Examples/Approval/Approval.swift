import EmbeddedPostgres
import Libpq
import TaskQueue
import TaskQueuePostgres

/// Somebody wants money back for a taxi.
struct Expense: TaskPayload {
  static let taskType: TaskType = "expense"
  var number: Int64
  /// In cents.
  var amount: Int
}

/// What a person says.
struct Answer: Codable, Sendable {
  var by: String
  var isApproved: Bool
}

@main
struct Approval {
  let client: TaskClient<PostgresTaskStore>
  /// How long the team's lead may take before the director is asked.
  let patience: Duration

  func handle(_ expense: Expense, _ context: TaskContext) async throws -> TaskOutcome {
    let answer: Answer
    do {
      answer = try await ask("lead", about: expense, timeout: patience, context)
    } catch let error as FlowError where error.code == .timedOut {
      answer = try await ask("director", about: expense, timeout: nil, context)
    }
    try await context.transaction("decide", on: client) { transaction in
      let state = "\(answer.isApproved ? "approved" : "refused") by \(answer.by)"
      let sql = "UPDATE expense SET state = $2 WHERE number = $1"
      return try await transaction.query(sql, [.int8(expense.number), .text(state)]).affectedRows
    }
    return .completed
  }

  /// Asks a person, and waits for the answer without a process, a slot or a connection.
  private func ask(
    _ role: String,
    about expense: Expense,
    timeout: Duration?,
    _ context: TaskContext
  ) async throws -> Answer {
    let key = Self.key(expense.number, role)
    try await context.step("ask the \(role)") {
      print("The \(role) may answer expense \(expense.number) with this, in psql:")
      print(#"  SELECT taskqueue.emit('\#(key)', '{"by": "the \#(role)", "isApproved": true}');"#)
    }
    return try await context.event(key, timeout: timeout)
  }

  static func key(_ expense: Int64, _ role: String) -> String { "expense/\(expense)/\(role)" }

  static func main() async throws {
    // The lead's patience in seconds, and a connection string: then you answer. Without one a private database, gone afterwards.
    var arguments = CommandLine.arguments.dropFirst()
    let seconds = arguments.first.flatMap { Int($0) }
    if seconds != nil { arguments.removeFirst() }
    let server = arguments.isEmpty ? try await EmbeddedPostgres.start() : nil
    let database = LibpqConfiguration(server?.connectionString ?? arguments.joined(separator: " "))
    let expenses = try await run(database, patience: .seconds(seconds ?? 3), answers: server != nil)
    for (number, state) in expenses.sorted(by: { $0.key < $1.key }) { print("Expense \(number): \(state)") }
    await server?.stop()
  }

  /// Three expenses.
  /// - Parameter answers: whether the lead answers the first one by the program and the second one by SQL, and the director the third.
  /// - Returns: what became of them.
  static func run(_ database: LibpqConfiguration, patience: Duration, answers: Bool) async throws -> [Int64: String] {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)
    try await client.pool.executeScript("CREATE TABLE expense (number bigint PRIMARY KEY, state text NOT NULL)")
    let example = Approval(client: client, patience: patience)
    var handlers = TaskHandlers()
    try handlers.register(Expense.self) { expense, context in try await example.handle(expense, context) }
    // The row and the task are one commit.
    for number in Int64(1)...3 {
      try await client.withTransaction { transaction in
        try await transaction.query("INSERT INTO expense VALUES ($1, 'asked for')", [.int8(number)])
        try await client.enqueue(Expense(number: number, amount: 4_200), in: transaction)
      }
    }
    if answers {
      // An answer may come before the question.
      try await client.emit(key(1, "lead"), Answer(by: "the lead", isApproved: true))
      let sql = #"SELECT taskqueue.emit($1, '{"by": "the lead", "isApproved": false}')"#
      try await client.pool.query(sql, [.text(key(2, "lead"))])
    }
    let worker = try TaskWorker(store: store, handlers: handlers)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      if answers { try await client.emit(key(3, "director"), Answer(by: "the director", isApproved: true)) }
      while try await !client.counts().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
      worker.shutDown()
      try await group.waitForAll()
    }
    let rows = try await client.pool.query("SELECT number, state FROM expense").rows
    let expenses = try rows.map { (try $0.int8(0), try $0.text(1)) }
    await store.close()
    return Dictionary(uniqueKeysWithValues: expenses)
  }
}
