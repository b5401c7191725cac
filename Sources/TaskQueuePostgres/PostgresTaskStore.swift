public import Libpq
import Synchronization
@_spi(Store) public import TaskQueue

/// Tasks in PostgreSQL, durable and transactional.
///
/// Connections are opened when first needed. Everything a call does is one transaction, most calls are one round trip. The tables
/// come from ``Migrator`` or from `psql`; without them every call throws `storeFailed` with what to do.
///
/// Apps hand it to `TaskClient` and `TaskWorker`; what it does is done through those.
public final class PostgresTaskStore: TaskStore {
  public let configuration: PostgresStoreConfiguration
  /// The connections of what the app calls. The app may use them for its own transactions.
  public let pool: LibpqPool
  /// The connections of workers, which handlers cannot take.
  let enginePool: LibpqPool
  let statements: StoreStatements
  let effectStatements: EffectStatements
  let scheduleStatements: ScheduleStatements
  let workerStatements: WorkerStatements
  let flowStatements: FlowStatements
  let historyStatements: HistoryStatements
  let groupStatements: GroupStatements
  let operatingStatements: OperatingStatements
  let steps: StepGroups
  /// The task at which the search for what gone flows have left goes on.
  let purgePosition = Atomic<Int64>(.min)
  let groups: EnqueueGroups
  let transactionGroups: LibpqTransactionGroups
  let completions: CompletionGroups
  let isolation = IsolationPin()
  /// nil: nobody has asked for them yet.
  let poolMetrics = Mutex<(app: PoolMetrics, engine: PoolMetrics)?>(nil)

  /// Opens nothing yet.
  ///
  /// - Throws: `invalidName`, `invalidConfiguration`.
  public init(_ configuration: PostgresStoreConfiguration = .init()) throws(TaskQueueError) {
    try configuration.validate()
    self.configuration = configuration
    pool = LibpqPool(configuration.connection, maxConnections: configuration.maxConnections)
    enginePool = LibpqPool(configuration.connection, maxConnections: configuration.maxEngineConnections)
    let schema = try SchemaName(configuration.schema)
    statements = StoreStatements(schema: schema)
    effectStatements = EffectStatements(schema: schema)
    transactionGroups = LibpqTransactionGroups(pool: pool)
    completions = CompletionGroups(pool: pool, fence: statements.completeGroup)
    scheduleStatements = ScheduleStatements(schema: schema)
    workerStatements = WorkerStatements(schema: schema)
    flowStatements = FlowStatements(schema: schema)
    historyStatements = HistoryStatements(schema: schema)
    groupStatements = GroupStatements(schema: schema)
    operatingStatements = OperatingStatements(schema: schema)
    steps = StepGroups(pool: pool, template: flowStatements.record)
    groups = EnqueueGroups(pool: pool, statement: statements.enqueue, wakes: configuration.wakesUp)
  }

  /// Closes the connections; calls after this throw.
  public func close() async {
    await enginePool.close()
    await pool.close()
  }

  func query(
    _ statement: LibpqStatement,
    _ repeatability: TaskQueueError.Repeatability = .safe
  ) async throws(TaskQueueError) -> LibpqResult {
    do { return try await isolation.send([statement], through: pool)[0] } catch {
      throw TaskQueueError(error, repeatability)
    }
  }

  /// A worker's call: on the engine's connections, and ended by the limit whatever hangs.
  func query(_ statement: LibpqStatement, within limit: Duration) async throws(TaskQueueError) -> LibpqResult {
    do { return try await isolation.send([statement], through: enginePool, within: limit)[0] } catch {
      throw TaskQueueError(error, .safe)
    }
  }

  /// Reads rows; a column that does not fit is the store's failure.
  func read<Value>(_ body: () throws(LibpqError) -> Value) throws(TaskQueueError) -> Value {
    do { return try body() } catch { throw TaskQueueError(error, .safe) }
  }
}
