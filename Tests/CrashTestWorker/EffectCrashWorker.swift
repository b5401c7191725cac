import Foundation
import Libpq
import Logging
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres

/// A worker that makes an external call per task, and kills itself in each task's first attempt where the task says.
///
/// The "provider" is a table written by a connection of its own. It knows no idempotency: what it is sent twice it does twice.
enum EffectCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    let client = TaskClient(store: store)
    let provider = LibpqPool(database, maxConnections: 20)
    var handlers = TaskHandlers()
    let options = TaskHandlerOptions(retry: .fixed(.milliseconds(100)), maxAttempts: 100_000)
    try handlers.register(EffectCrashTask.self, options: options) { task, context in
      let receipt = try await charge(task, context, store, provider)
      let crash = task.crash(in: context)
      crash(.beforeCompletion)
      if crash.point == .duringCompletion { killSoon(within: 6) }
      try await client.withCompletion(of: context) { transaction in
        if task.isRecordedInTransaction { try await client.record(receipt, in: transaction) }
        _ = try await transaction.query(
          "INSERT INTO public.payment (number, reference) VALUES ($1, $2)",
          [.int8(receipt.value), .text(receipt.call.key.rawValue)]
        )
      }
      return .settledInTransaction
    }
    var configuration = TaskWorkerConfiguration()
    configuration.lease = .milliseconds(1_000)
    configuration.maxPollInterval = .milliseconds(50)
    configuration.maxCrashes = 100_000
    configuration.concurrency = 3
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      logger: Logger(label: "crash-test-worker") { _ in SwiftLogNoOpLogHandler() }
    )
    try await CrashTestWorker.runUntilInputEnds(worker)
  }

  private static func charge(
    _ task: EffectCrashTask,
    _ context: TaskContext,
    _ store: PostgresTaskStore,
    _ provider: LibpqPool
  ) async throws -> EffectReceipt<Int64> {
    let crash = task.crash(in: context)
    let ledger = CrashingLedger(store: store, crash: crash)
    crash(.beforeIntent)
    let receipt = try await TaskContext(task: context.task, ledger: ledger).effects.call(
      "charge",
      request: task.number,
      options: EffectOptions(callLimit: .milliseconds(600)),
      call: { call in
        crash(.beforeExecution)
        if crash.point == .duringExecution { killSoon(within: 100) }
        // Goes on in the server when the client is gone, as a provider does.
        _ = try await provider.query(
          "WITH pause AS MATERIALIZED (SELECT pg_sleep(0.1)) INSERT INTO public.execution SELECT $1 FROM pause",
          [.text(call.key.rawValue)]
        )
        crash(.afterExecution)
        return task.number
      },
      reconcile: { call in
        let sql = "SELECT count(*) FROM public.execution WHERE reference = $1"
        let found = try await provider.query(sql, [.text(call.key.rawValue)])
        return try found[0].int8(0) > 0 ? .happened(task.number) : .didNotHappen
      }
    )
    if !task.isRecordedInTransaction, let outcome = receipt.unrecorded {
      _ = try await ledger.endEffect(receipt.call, outcome)
    }
    return receipt
  }
}

/// Where a process is killed.
enum EffectCrashPoint: String, Codable, CaseIterable {
  case beforeIntent, duringIntent, afterIntent
  case beforeExecution, duringExecution, afterExecution
  case duringOutcome, afterOutcome
  case beforeCompletion, duringCompletion
}

struct EffectCrashTask: TaskPayload {
  static let taskType: TaskType = "test.effect"
  var number: Int64
  /// nil: nowhere.
  var point: EffectCrashPoint?
  var isRecordedInTransaction: Bool

  func crash(in context: TaskContext) -> Crash { Crash(point: context.attempt == 1 ? point : nil) }
}

/// Kills this process at one point.
struct Crash: Sendable {
  var point: EffectCrashPoint?

  func callAsFunction(_ reached: EffectCrashPoint) {
    if point == reached { kill(getpid(), SIGKILL) }
  }
}

/// Kills this process while it goes on.
func killSoon(within milliseconds: Int) {
  let microseconds = UInt32.random(in: 0...UInt32(milliseconds * 1_000))
  Thread.detachNewThread {
    usleep(microseconds)
    kill(getpid(), SIGKILL)
  }
}

/// The store's ledger with crashes before, in and after its commits.
struct CrashingLedger: EffectLedger {
  let store: PostgresTaskStore
  let crash: Crash

  func beginEffect(_ intent: EffectIntent) async throws(TaskQueueError) -> EffectDecision {
    if crash.point == .duringIntent { killSoon(within: 4) }
    let decision = try await store.beginEffect(intent)
    crash(.afterIntent)
    return decision
  }

  func endEffect(_ call: EffectCall, _ outcome: EffectOutcome) async throws(TaskQueueError) -> EffectOutcome? {
    if crash.point == .duringOutcome { killSoon(within: 4) }
    let recorded = try await store.endEffect(call, outcome)
    crash(.afterOutcome)
    return recorded
  }

  func resolveEffect(_ name: EffectName, of task: TaskID, as resolution: EffectResolution) async throws(TaskQueueError)
    -> EffectResolutionResult
  { try await store.resolveEffect(name, of: task, as: resolution) }
  func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord] { try await store.effects(of: task) }
  func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord] {
    try await store.unsettledEffects(olderThan: age, limit: limit)
  }
  func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int {
    try await store.purgeEffects(olderThan: age)
  }
}
