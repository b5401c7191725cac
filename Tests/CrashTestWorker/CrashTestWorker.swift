import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// A worker process for tests to kill: writes one row to `effect` in the transaction that completes each task.
///
/// With the arguments `effects`, `outbox`, `schedules`, `limits`, `rates`, `batches`, `flows` or `groups` and a connection string it is an
/// ``EffectCrashWorker``, ``OutboxCrashWorker``, ``ScheduleCrashWorker``, ``LimitCrashWorker``, ``RateCrashWorker``, ``BatchCrashWorker``,
/// ``FlowCrashWorker`` or ``GroupCrashWorker``; with `flows-of`, a queue and which await of its handlers it does not survive, it is a
/// ``FlowCrashWorker`` of that queue. Else: connection string, lease in
/// milliseconds, longest handler time in milliseconds, concurrency. Ends when its standard
/// input does, so that it never outlives the test.
@main
struct CrashTestWorker {
  static func main() async throws {
    let arguments = CommandLine.arguments
    let database = LibpqConfiguration(arguments.last ?? "")
    switch arguments.dropFirst().first {
    case "effects": return try await EffectCrashWorker.run(database)
    case "outbox": return try await OutboxCrashWorker.run(database)
    case "schedules": return try await ScheduleCrashWorker.run(database)
    case "limits": return try await LimitCrashWorker.run(database)
    case "rates": return try await RateCrashWorker.run(database)
    case "batches": return try await BatchCrashWorker.run(database)
    case "flows": return try await FlowCrashWorker.run(database)
    case "flows-of":
      return try await FlowCrashWorker.run(database, queue: QueueName(arguments[2]), killedAt: Int(arguments[3]))
    case "groups": return try await GroupCrashWorker.run(database)
    default: break
    }
    guard arguments.count == 5, let lease = Int(arguments[2]), let work = Int(arguments[3]),
      let concurrency = Int(arguments[4])
    else {
      FileHandle.standardError.write(Data("usage: crash-test-worker CONNECTION LEASE_MS WORK_MS CONCURRENCY\n".utf8))
      exit(2)
    }
    let store = try PostgresTaskStore(.init(LibpqConfiguration(arguments[1]), maxConnections: 20))
    var handlers = TaskHandlers()
    try handlers.register(CrashTask.self, options: .init(retry: .fixed(.milliseconds(50)))) { task, context in
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...work)))
      let client = TaskClient(store: store)
      let effect = LibpqStatement(
        "INSERT INTO public.effect (number, pid) VALUES ($1, $2)",
        [.int8(task.number), .int8(Int64(ProcessInfo.processInfo.processIdentifier))]
      )
      if task.number.isMultiple(of: 2) {
        try await client.withCompletion(of: context) { _ = try await $0.query(effect) }
      } else {
        try await client.complete(context, with: [effect])
      }
      return .settledInTransaction
    }
    try await run(handlers, on: store, lease: .milliseconds(lease)) {
      $0.maxCrashes = 1_000
      $0.concurrency = concurrency
    }
  }

  /// A quiet worker that polls often, until the input ends.
  static func run(
    _ handlers: TaskHandlers,
    on store: PostgresTaskStore,
    lease: Duration,
    change: (inout TaskWorkerConfiguration) -> Void
  ) async throws {
    var configuration = TaskWorkerConfiguration()
    configuration.lease = lease
    configuration.maxPollInterval = .milliseconds(100)
    change(&configuration)
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      logger: Logger(label: "crash-test-worker") { _ in SwiftLogNoOpLogHandler() }
    )
    try await runUntilInputEnds(worker)
  }

  static func runUntilInputEnds(_ worker: TaskWorker) async throws {
    Thread.detachNewThread {
      while !FileHandle.standardInput.availableData.isEmpty {}
      worker.shutDown()
    }
    try await worker.run()
  }
}

struct CrashTask: TaskPayload {
  static let taskType: TaskType = "test.crash"
  var number: Int64
}
