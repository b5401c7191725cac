import ArgumentParser
import Logging
import Synchronization
import TaskQueue
import TaskQueuePostgres

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "How fast this database enqueues and drains tasks that do nothing.",
    discussion: """
      In a schema of its own, taskqueue_bench_…, which is dropped at the end, also after Ctrl-C. One process and one worker: a first idea of what this server can \
      do from here. It loads the server, so not beside the day's work.
      """
  )

  @OptionGroup var options: CommandOptions
  @Option(help: ArgumentHelp("Tasks, 100 to 1,000,000.", valueName: "count")) var tasks = 10_000
  @Option(help: ArgumentHelp("Handlers that run at the same time.", valueName: "count")) var concurrency = 100

  func validate() throws {
    guard 100...1_000_000 ~= tasks else { throw ValidationError("--tasks is 100 to 1,000,000.") }
    guard 1...10_000 ~= concurrency else { throw ValidationError("--concurrency is 1 to 10,000.") }
  }

  func run() async throws {
    let (tasks, concurrency) = (tasks, concurrency)
    try await options.runWithoutStore { console, configuration in
      let result = Mutex<BenchResult?>(nil)
      let wasInterrupted = try await Interruption.watch {
        var settings = configuration
        settings.connection = settings.connection.prepared
        console.progress("Making a schema …")
        try await ScratchSchema.with("taskqueue_bench_", on: settings.connection) { schema in
          settings.schema = schema
          let bench = Bench(configuration: settings, tasks: tasks, concurrency: concurrency, console: console)
          let measured = try await bench.run()
          result.withLock { $0 = measured }
        }
      }
      console.endProgress()
      guard !wasInterrupted, let result = result.withLock({ $0 }) else { throw ExitCode(ExitStatus.interrupted) }
      show(result, console)
    }
  }

  private func show(_ result: BenchResult, _ console: Console) {
    if console.form == .json {
      return console.print([
        "tasks": .int(result.tasks), "singles": .int(result.singles), "singleSeconds": .double(result.single),
        "bulkSeconds": .double(result.bulk), "drainSeconds": .double(result.drain),
      ])
    }
    var table = Table([
      .init("what"), .init("tasks", right: true), .init("time", right: true), .init("per second", right: true),
    ])
    for (name, count, seconds) in [
      ("enqueue one by one", result.singles, result.single), ("enqueue in bulk", result.tasks, result.bulk),
      ("drain by one worker", result.tasks + result.singles, result.drain),
    ] {
      table.add([
        .init(name), .init(Words.count(count)), .init(Words.span(seconds)),
        .init(Words.count(Int(Double(count) / max(seconds, 1e-6))), .bold),
      ])
    }
    console.print(table)
  }
}

/// Seconds that each part took.
struct BenchResult: Sendable {
  var tasks: Int
  var singles: Int
  var single: Double
  var bulk: Double
  var drain: Double
}

/// A run of the bench on a schema of its own.
struct Bench: Sendable {
  private struct NoOperation: TaskPayload {
    static let taskType: TaskType = "bench.no-op"
    var number: Int
  }

  /// Tasks that are enqueued one after the other.
  private static let maxSingles = 1_000

  let configuration: PostgresStoreConfiguration
  let tasks: Int
  let concurrency: Int
  let console: Console

  func run() async throws -> BenchResult {
    let store = try PostgresTaskStore(configuration)
    let result: Result<BenchResult, any Error>
    do { result = .success(try await run(TaskClient(store: store))) } catch { result = .failure(error) }
    await store.close()
    return try result.get()
  }

  private func run(_ client: TaskClient<PostgresTaskStore>) async throws -> BenchResult {
    let clock = ContinuousClock()
    let singles = min(Self.maxSingles, tasks / 10)
    console.progress("Enqueueing one by one …")
    let single = try await clock.measure {
      for number in 0..<singles { try await client.enqueue(NoOperation(number: number)) }
    }
    console.progress("Enqueueing in bulk …")
    let bulk = try await clock.measure {
      for start in stride(from: 0, to: tasks, by: 10_000) {
        try await client.enqueue(all: (start..<min(tasks, start + 10_000)).map { NoOperation(number: $0) })
      }
    }
    let drain = try await clock.measure { try await self.drain(client, singles + tasks) }
    return BenchResult(
      tasks: tasks,
      singles: singles,
      single: single / .seconds(1),
      bulk: bulk / .seconds(1),
      drain: drain / .seconds(1)
    )
  }

  private func drain(_ client: TaskClient<PostgresTaskStore>, _ total: Int) async throws {
    let done = Atomic(0)
    let (ended, end) = AsyncStream.makeStream(of: Void.self)
    var handlers = TaskHandlers()
    let console = console
    try handlers.register(NoOperation.self) { _, _ in
      let count = done.add(1, ordering: .relaxed).newValue
      if count % 1_000 == 0 { console.progress("Draining: \(Words.count(count)) of \(Words.count(total)) …") }
      if count == total { end.finish() }
      return .completed
    }
    var settings = TaskWorkerConfiguration()
    settings.concurrency = concurrency
    let worker = try TaskWorker(
      store: client.store,
      handlers: handlers,
      configuration: settings,
      logger: Logger(label: "taskqueue.bench", factory: { _ in SwiftLogNoOpLogHandler() })
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      for await _ in ended {}
      // Its end records what is left to be recorded.
      worker.shutDown()
      try await group.waitForAll()
    }
    try Task.checkCancellation()
  }
}
