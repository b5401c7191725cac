import Libpq
public import TaskQueue

extension PostgresTaskStore {
  /// Tasks made ready by one exchange.
  static let promotionBatch: Int32 = 1_000

  /// One pipeline: one round trip, one commit.
  ///
  /// A lost connection is `storeFailed` with ``TaskQueueError/isRetrySafe``: settling again changes nothing if the first
  /// time was committed (it then reports as not applied), and a claim whose answer was lost is taken over after its lease.
  public func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?
  ) async throws(TaskQueueError) -> Exchange {
    let batch = try SettlementBatch(settlements)
    var pipeline = batch.statements(statements, wakes: configuration.wakesUp)
    let settling = pipeline.count
    var promoting: Int?
    var claiming: Int?
    if let request, request.limit > 0 {
      if configuration.claimsAsynchronously, pipeline.isEmpty { pipeline.append(statements.claimAsynchronously()) }
      if request.promotesDue {
        promoting = pipeline.count
        pipeline.append(
          statements.promote(.int4(Self.promotionBatch), .timestamptz(ScanRanges.promotedUntil(request.scope)))
        )
      }
      claiming = pipeline.count
      pipeline.append(claimStatement(request))
    }
    guard !pipeline.isEmpty else {
      return Exchange()
    }
    let results = try await run(pipeline)
    return try read { () throws(PostgresError) in
      var exchange = Exchange(
        applied: try applied(settlements, results.prefix(settling)),
        claimed: try claiming.map { index throws(PostgresError) in try claimedTasks(results[index]) } ?? []
      )
      if let request {
        let bytes = exchange.claimed.reduce(0) { $0 + $1.payload.count }
        exchange.mayHaveMore =
          request.limit > 0 && (exchange.claimed.count >= request.limit || bytes >= Limits.claimBytes)
      }
      if let promoting {
        let row = results[promoting][0]
        exchange.nextDueIn = try row.optionalFloat8(0).map { .seconds($0) }
        exchange.promotedFrom = try row.optionalTimestamptz(1)
        exchange.promotedUntil = try row.optionalTimestamptz(2)
      }
      return exchange
    }
  }

  /// The rows are the tokens that a settlement was applied to.
  private func applied(
    _ settlements: [Settlement],
    _ results: ArraySlice<PostgresResult>
  ) throws(PostgresError) -> [Bool] {
    if results.reduce(0, { $0 + $1.rowCount }) == settlements.count {
      return Array(repeating: true, count: settlements.count)
    }
    var tokens: Set<Int64> = []
    for result in results {
      for row in result.rows { tokens.insert(try row.int8(0)) }
    }
    return settlements.map { tokens.contains($0.claim.token) }
  }

  public func renew(_ claims: [Claim], lease: Duration) async throws(TaskQueueError) -> [Renewal] {
    guard !claims.isEmpty else { return [] }
    let result = try await query(
      statements.renew(
        .int8Array(claims.map(\.id.rawValue)),
        .int8Array(claims.map(\.token)),
        .interval(lease)
      )
    )
    return try read { () throws(PostgresError) in
      var held: [Int64: Renewal] = [:]
      for row in result.rows { held[try row.int8(0)] = try row.bool(1) ? .cancelRequested : .renewed }
      return claims.map { held[$0.token] ?? .lost }
    }
  }

  private func run(_ pipeline: [PostgresStatement]) async throws(TaskQueueError) -> [PostgresResult] {
    do {
      return pipeline.count == 1 ? [try await pool.query(pipeline[0])] : try await pool.pipeline(pipeline)
    } catch {
      throw TaskQueueError(error, .safe)
    }
  }

  private func claimStatement(_ request: ClaimRequest) -> PostgresStatement {
    // Shuffled, so that with more queues than slots none waits behind the others for ever.
    var seen: Set<QueueName> = []
    let queues = request.queues.filter { seen.insert($0).inserted }.shuffled()
    let ranges = ScanRanges(queues: queues, scope: request.scope)
    return statements.claim(
      [
        .textArray(queues.map(\.rawValue)), .textArray(request.types.map(\.rawValue)),
        .int4(Int32(clamping: request.limit)), .int8(Int64(Limits.claimBytes)), .interval(request.lease),
      ] + ranges.parameters
    )
  }

  /// In the order in which they are to start: RETURNING comes in the order of pages.
  private func claimedTasks(_ result: PostgresResult) throws(PostgresError) -> [ClaimedTask] {
    var tasks: [ClaimedTask] = []
    tasks.reserveCapacity(result.rowCount)
    for row in result.rows { tasks.append(try ClaimedTask(row)) }
    tasks.sort { ($0.priority, $0.dueAt, $0.claim.id) < ($1.priority, $1.dueAt, $1.claim.id) }
    return tasks
  }
}
