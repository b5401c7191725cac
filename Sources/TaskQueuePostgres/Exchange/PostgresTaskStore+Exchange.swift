import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore: StoreContract {
  /// Tasks made ready by one exchange.
  static let promotionBatch: Int32 = 1_000

  public func prepare(within limit: Duration) async throws(TaskQueueError) { try await checkEnvironment() }

  /// One pipeline: one round trip, one commit.
  ///
  /// A lost connection is `storeFailed` with ``TaskQueueError/isRetrySafe``: settling again changes nothing if the first
  /// time was committed (it then reports as not applied), and a claim whose answer was lost is taken over after its lease.
  public func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    let batch = try SettlementBatch(settlements)
    var pipeline = batch.statements(statements, wakes: configuration.wakesUp)
    let settling = pipeline.count
    let claim = request.flatMap { $0.limit > 0 ? $0 : nil }
    if let claim {
      if configuration.claimsAsynchronously, pipeline.isEmpty { pipeline.append(statements.claimAsynchronously()) }
      pipeline.append(claimStatement(claim))
    }
    guard !pipeline.isEmpty else { return Exchange() }
    let results = try await run(pipeline)
    return try read { () throws(LibpqError) in
      var exchange = Exchange(settled: try settled(settlements, results.prefix(settling)))
      if let claim, let rows = results.last { try read(rows, of: claim, into: &exchange) }
      return exchange
    }
  }

  /// What a claim's statement returned.
  private func read(
    _ result: LibpqResult,
    of request: ClaimRequest,
    into exchange: inout Exchange
  ) throws(LibpqError) {
    exchange.claimed = try claimedTasks(result)
    let bytes = exchange.claimed.reduce(0) { $0 + $1.payload.count }
    exchange.mayHaveMore = exchange.claimed.count >= request.limit || bytes >= Limits.claimBytes
    guard request.promotesDue else { return }
    let row = result[0]
    exchange.nextDueIn = try row.optionalFloat8(ClaimedTask.columnCount).map { .seconds($0) }
    exchange.promotedFrom = try row.optionalTimestamptz(ClaimedTask.columnCount + 1)
    exchange.promotedUntil = try row.optionalTimestamptz(ClaimedTask.columnCount + 2)
  }

  /// The rows are the tokens that a settlement was applied to.
  private func settled(
    _ settlements: [Settlement],
    _ results: ArraySlice<LibpqResult>
  ) throws(LibpqError) -> [SettlementResult] {
    if results.reduce(0, { $0 + $1.rowCount }) == settlements.count {
      return Array(repeating: .applied, count: settlements.count)
    }
    var tokens: Set<Int64> = []
    for result in results {
      for row in result.rows { tokens.insert(try row.int8(0)) }
    }
    return settlements.map { tokens.contains($0.claim.token) ? .applied : .lost }
  }

  /// Sees prepared transactions and every role's, and needs no privilege.
  public func openWriters(within limit: Duration) async throws(TaskQueueError) -> OpenWriters? {
    let result = try await query(statements.openWriters())
    return try read { () throws(LibpqError) in
      var writers = OpenWriters(at: try result[0].timestamptz(0), ids: [])
      for row in result.rows where try !row.isNull(1) { writers.ids.insert(try row.text(1)) }
      return writers
    }
  }

  public func renew(
    _ claims: [Claim],
    lease: Duration,
    within limit: Duration
  ) async throws(TaskQueueError) -> [Renewal] {
    guard !claims.isEmpty else { return [] }
    let result = try await query(
      statements.renew(
        .int8Array(claims.map(\.id.rawValue)),
        .int8Array(claims.map(\.token)),
        .interval(lease)
      )
    )
    return try read { () throws(LibpqError) in
      var held: [Int64: Renewal] = [:]
      for row in result.rows { held[try row.int8(0)] = try row.bool(1) ? .cancelRequested : .renewed }
      return claims.map { held[$0.token] ?? .lost }
    }
  }

  private func run(_ pipeline: [LibpqStatement]) async throws(TaskQueueError) -> [LibpqResult] {
    do { return try await isolation.send(pipeline, through: pool) } catch { throw TaskQueueError(error, .safe) }
  }

  private func claimStatement(_ request: ClaimRequest) -> LibpqStatement {
    // Shuffled, so that with more queues than slots none waits behind the others for ever.
    var seen: Set<QueueName> = []
    let queues = request.queues.filter { seen.insert($0).inserted }.shuffled()
    let ranges = ScanRanges(queues: queues, scope: request.scope)
    let parameters: [LibpqValue] =
      [
        .textArray(queues.map(\.rawValue)), .textArray(request.types.map(\.rawValue)),
        .int4(Int32(clamping: request.limit)), .int8(Int64(Limits.claimBytes)), .interval(request.lease),
      ] + ranges.parameters
    guard request.promotesDue else { return statements.claim(parameters) }
    return statements.promoteAndClaim(
      parameters + [.int4(Self.promotionBatch), .timestamptz(ScanRanges.promotedUntil(request.scope))]
    )
  }

  /// In the order in which they are to start: RETURNING comes in the order of pages.
  private func claimedTasks(_ result: LibpqResult) throws(LibpqError) -> [ClaimedTask] {
    var tasks: [ClaimedTask] = []
    tasks.reserveCapacity(result.rowCount)
    // A promotion without a claimed task is a row without an id.
    for row in result.rows where try !row.isNull(0) { tasks.append(try ClaimedTask(row)) }
    tasks.sort { ($0.priority, $0.dueAt, $0.claim.id) < ($1.priority, $1.dueAt, $1.claim.id) }
    return tasks
  }
}
