import EmbeddedPostgres
import Libpq
import TaskQueue
import TaskQueuePostgres

struct Report: TaskPayload {
  static let taskType: TaskType = "report.build"
  var customer: Int
}

struct Invoice: TaskPayload {
  static let taskType: TaskType = "invoice.send"
  var number: Int
}

@main
struct WhyNotRunning {
  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let answers = try await run(LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1]))
    for (task, explanation) in answers { print("\(task): \(explanation)") }
    await server?.stop()
  }

  /// Tasks that do not run, each for another reason, and what the queue says of them.
  static func run(_ database: LibpqConfiguration) async throws -> [(task: String, explanation: TaskExplanation)] {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)

    struct NoData: Error {}
    let (started, reportStart) = AsyncStream<Void>.makeStream()
    var handlers = TaskHandlers()
    try handlers.register(Report.self, options: .init(maxAttempts: 1)) { report, _ in
      guard report.customer > 0 else { throw NoData() }
      reportStart.yield()
      try await Task.sleep(for: .seconds(3_600))
      return .completed
    }
    var configuration = TaskWorkerConfiguration()
    configuration.name = "reports-1"
    configuration.queues = [.default, "closed"]
    configuration.limits = [LimitRule("customer")]
    configuration.shutdownGrace = .zero
    let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration)

    var answers: [(task: String, explanation: TaskExplanation)] = []
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      while try await client.workers().isEmpty { try await Task.sleep(for: .milliseconds(20)) }

      let report = Report(customer: 7)
      let ofCustomer = EnqueueOptions.with { $0.limit = TaskLimit("customer", key: "7") }
      var ids: [(task: String, id: TaskID)] = []
      ids.append(("The one that runs", try await client.enqueue(report, options: ofCustomer).id))
      for await _ in started { break }
      ids.append(("Its customer's next", try await client.enqueue(report, options: ofCustomer).id))
      let tomorrow = EnqueueOptions.with { $0.schedule = .after(.seconds(86_400)) }
      ids.append(("Tomorrow's", try await client.enqueue(report, options: tomorrow).id))
      try await client.pause("closed")
      ids.append(("In a paused queue", try await client.enqueue(report, options: .with { $0.queue = "closed" }).id))
      ids.append(
        ("In a queue of its own", try await client.enqueue(report, options: .with { $0.queue = "nightly" }).id)
      )
      ids.append(("Of another type", try await client.enqueue(Invoice(number: 1)).id))
      let failed = try await client.enqueue(Report(customer: 0)).id
      while try await client.task(failed) != nil { try await Task.sleep(for: .milliseconds(20)) }
      ids.append(("The one that failed", failed))
      ids.append(("What never was", TaskID(1_000_000)))
      for (task, id) in ids { answers.append((task, try await client.explain(id))) }

      worker.shutDown()
      try await group.waitForAll()
    }
    await store.close()
    return answers
  }
}
