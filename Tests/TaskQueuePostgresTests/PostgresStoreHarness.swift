import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueuePostgres

/// A PostgreSQL store whose records are shifted into the past to let time go by.
struct PostgresStoreHarness: AlarmHarness, FlowHarness, GroupHarness, HistoryHarness, OperatingHarness,
  ScheduleHarness, TransactionHarness, WorkerHarness
{
  let postgresStore: PostgresTaskStore
  private let shiftLive: String
  private let shiftDead: String
  private let shiftEffects: String
  private let shiftEvents: String
  private let shiftSchedules: String
  private let shiftLooks: String
  private let shiftSteps: String
  private let shiftFlowEvents: String
  private let shiftEventLooks: String
  private let shiftWorkers: String
  private let explain: String
  private let shiftPaces: String
  private let shiftDone: String
  private let shiftMinutes: String
  private let shiftGroups: String
  private let shiftActions: [String]

  var store: any StoreContract { postgresStore }
  var flows: any FlowStore { postgresStore }
  var groups: any GroupStore { postgresStore }
  var history: any HistoryStore { postgresStore }
  var ledger: any EffectLedger { postgresStore }
  var alarms: any AlarmSource { postgresStore }
  var schedules: any ScheduleStore { postgresStore }
  var workers: any WorkerStore { postgresStore }
  var operating: any OperatingStore { postgresStore }
  var keeper: any RetentionStore { postgresStore }
  var transactionalStore: PostgresTaskStore { postgresStore }

  /// - Parameters:
  ///   - store: on empty tables. The caller closes it.
  ///   - schema: the schema's name as SQL; `taskqueue`.
  init(_ store: PostgresTaskStore, quotedSchema schema: String = "taskqueue") {
    postgresStore = store
    // A deadline is the worker's business, and one without a lease ('-infinity') stays without.
    shiftLive = """
      UPDATE \(schema).task SET due_at = due_at - $1, lease_until = lease_until - $1, created_at = created_at - $1,
        finished_at = finished_at - $1
      """
    shiftDead = "UPDATE \(schema).dead_task SET died_at = died_at - $1, created_at = created_at - $1"
    shiftEffects = """
      UPDATE \(schema).effect SET key_used_at = key_used_at - $1, intended_at = intended_at - $1, changed_at = changed_at - $1,
        task_created_at = task_created_at - $1
      """
    shiftSchedules = """
      UPDATE \(schema).schedule SET slot = slot - $1, next_at = next_at - $1, last_slot = last_slot - $1, last_at = last_at - $1
      """
    shiftSteps = "UPDATE \(schema).step SET until = until - $1, created_at = created_at - $1"
    shiftFlowEvents = "UPDATE \(schema).event SET expires_at = expires_at - $1"
    shiftEventLooks = "UPDATE \(schema).event_look SET look_at = look_at - $1"
    shiftLooks = "UPDATE \(schema).limit_look SET look_at = look_at - $1"
    shiftWorkers = "UPDATE \(schema).worker SET seen_at = seen_at - $1, started_at = started_at - $1"
    explain = "SELECT sentence FROM \(schema).explain($1)"
    shiftPaces = "UPDATE \(schema).limit_pace SET next_at = next_at - $1, paused_until = paused_until - $1"
    shiftDone = "UPDATE \(schema).done SET expires_at = expires_at - $1"
    shiftMinutes = "UPDATE \(schema).throughput_minute SET minute = minute - $1"
    shiftGroups = """
      UPDATE \(schema).task_group SET created_at = created_at - $1, finished_at = finished_at - $1, expires_at = expires_at - $1,
        checked_at = checked_at - $1
      """
    // The journal lets nobody change it.
    shiftActions = [
      "ALTER TABLE \(schema).action DISABLE TRIGGER USER", "UPDATE \(schema).action SET at = at - $1",
      "ALTER TABLE \(schema).action ENABLE TRIGGER USER",
    ]
    shiftEvents = "UPDATE \(schema).inbox_event SET received_at = received_at - $1, expires_at = expires_at - $1"
  }

  func elsewhere<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await Task.detached { try await body() }.value
  }

  func advance(by duration: Duration) async throws {
    _ = try await postgresStore.pool.pipeline([
      LibpqStatement(shiftLive, [.interval(duration)]), LibpqStatement(shiftDead, [.interval(duration)]),
      LibpqStatement(shiftEffects, [.interval(duration)]), LibpqStatement(shiftEvents, [.interval(duration)]),
      LibpqStatement(shiftSchedules, [.interval(duration)]),
      LibpqStatement(shiftSteps, [.interval(duration)]), LibpqStatement(shiftFlowEvents, [.interval(duration)]),
      LibpqStatement(shiftEventLooks, [.interval(duration)]),
      LibpqStatement(shiftLooks, [.interval(duration)]), LibpqStatement(shiftPaces, [.interval(duration)]),
      LibpqStatement(shiftWorkers, [.interval(duration)]), LibpqStatement(shiftDone, [.interval(duration)]),
      LibpqStatement(shiftMinutes, [.interval(duration)]), LibpqStatement(shiftGroups, [.interval(duration)]),
      LibpqStatement(shiftActions[0], []), LibpqStatement(shiftActions[1], [.interval(duration)]),
      LibpqStatement(shiftActions[2], []),
    ])
  }

  func sentences(of id: TaskID) async throws -> [String]? {
    try await postgresStore.pool.query(explain, [.int8(id.rawValue)]).rows.map { try $0.text(0) }
  }
}
