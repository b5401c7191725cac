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
        pipeline.append(statements.promote(.int4(Self.promotionBatch)))
      }
      claiming = pipeline.count
      pipeline.append(claimStatement(request))
    }
    guard !pipeline.isEmpty else {
      return Exchange(applied: [], claimed: [], mayHaveMore: false, nextDueIn: nil)
    }
    let results = try await run(pipeline)
    return try read { () throws(PostgresError) in
      var tokens: Set<Int64> = []
      for result in results.prefix(settling) {
        for row in result.rows { tokens.insert(try row.int8(0)) }
      }
      var exchange = Exchange(
        applied: settlements.map { tokens.contains($0.claim.token) },
        claimed: try claiming.map { index throws(PostgresError) in try claimedTasks(results[index]) } ?? [],
        mayHaveMore: false,
        nextDueIn: nil
      )
      if let request { exchange.mayHaveMore = request.limit > 0 && exchange.claimed.count >= request.limit }
      if let promoting, let seconds = try results[promoting][0].optionalFloat8(0) {
        exchange.nextDueIn = .seconds(seconds)
      }
      return exchange
    }
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
    return statements.claim(
      .textArray(queues.map(\.rawValue)),
      .textArray(request.types.map(\.rawValue)),
      .int4(Int32(clamping: request.limit)),
      .interval(request.lease)
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
