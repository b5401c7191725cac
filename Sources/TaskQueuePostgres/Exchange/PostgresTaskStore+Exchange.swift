import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore: StoreContract {
  /// Tasks made ready by one exchange.
  static let promotionBatch: Int32 = 1_000

  public func prepare(within limit: Duration) async throws(TaskQueueError) {
    try await checkEnvironment(through: enginePool, within: limit / 2)
  }

  /// One pipeline: one round trip, one commit.
  ///
  /// A lost connection is `storeFailed` with ``TaskQueueError/isRetrySafe``: settling again changes nothing if the first
  /// time was committed (it then reports as not applied), and a claim whose answer was lost is taken over after its lease.
  public func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    if let request { try ClaimRequest.validate(lease: request.lease) }
    let batch = try SettlementBatch(settlements)
    let claim = request.flatMap { $0.limit > 0 ? $0 : nil }
    var pipeline = batch.statements(statements, wakes: configuration.wakesUp, claims: claim != nil)
    let settling = pipeline.count
    if let claim {
      if configuration.claimsAsynchronously, pipeline.isEmpty { pipeline.append(statements.claimAsynchronously()) }
      pipeline.append(claimStatement(claim))
    }
    guard !pipeline.isEmpty else { return Exchange() }
    let results = try await run(pipeline, within: limit)
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
    if case .rescan = request.scope { try readLook(result, into: &exchange) }
    guard request.promotesDue else { return }
    let row = result[0]
    exchange.nextDueIn = try row.optionalFloat8(ClaimedTask.columnCount).map { .stored(seconds: $0) }
    exchange.promotedFrom = try row.optionalTimestamptz(ClaimedTask.columnCount + 1)
    exchange.promotedUntil = try row.optionalTimestamptz(ClaimedTask.columnCount + 2)
    exchange.storeTime = try row.optionalTimestamptz(ClaimedTask.columnCount + 3)
  }

  /// A rescan's last row is no task: whether it looked at everything, and for how long.
  private func readLook(_ result: LibpqResult, into exchange: inout Exchange) throws(LibpqError) {
    guard result.rowCount > 0 else { return }
    let row = result[result.rowCount - 1]
    exchange.lookedAtEverything = try row.optionalBool(ClaimedTask.columnCount - 2) ?? false
    exchange.lookTook = try row.optionalInt8(ClaimedTask.columnCount - 1).map { .microseconds($0) }
  }

  /// A row has the token that a settlement was applied to, or else that of a locked row.
  private func settled(
    _ settlements: [Settlement],
    _ results: ArraySlice<LibpqResult>
  ) throws(LibpqError) -> [SettlementResult] {
    var busy: Set<Int64> = []
    for result in results {
      for row in result.rows where try row.isNull(0) { busy.insert(try row.int8(1)) }
    }
    if busy.isEmpty, results.reduce(0, { $0 + $1.rowCount }) == settlements.count {
      return Array(repeating: .applied, count: settlements.count)
    }
    var applied: Set<Int64> = []
    for result in results {
      for row in result.rows where try !row.isNull(0) { applied.insert(try row.int8(0)) }
    }
    return settlements.map { settlement in
      let token = settlement.claim.token
      return applied.contains(token) ? .applied : busy.contains(token) ? .busy : .lost
    }
  }

  /// Sees prepared transactions and every role's, and needs no privilege.
  public func openWriters(within limit: Duration) async throws(TaskQueueError) -> OpenWriters? {
    let result = try await query(statements.openWriters(), within: limit)
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
    try ClaimRequest.validate(lease: lease)
    guard !claims.isEmpty else { return [] }
    let result = try await query(
      statements.renew(
        .int8Array(claims.map(\.id.rawValue)),
        .int8Array(claims.map(\.token)),
        .interval(lease)
      ),
      within: limit
    )
    return try read { () throws(LibpqError) in
      var held: [Int64: Renewal] = [:]
      for row in result.rows {
        let (cancels, isBusy) = (try row.bool(1), try row.bool(2))
        held[try row.int8(0)] = cancels ? .cancelRequested : isBusy ? .busy : .renewed
      }
      return claims.map { held[$0.token] ?? .lost }
    }
  }

  private func run(
    _ pipeline: [LibpqStatement],
    within limit: Duration
  ) async throws(TaskQueueError) -> [LibpqResult] {
    do {
      return try await isolation.send(pipeline, through: enginePool, within: limit)
    } catch {
      throw TaskQueueError(error, .safe)
    }
  }

  private func claimStatement(_ request: ClaimRequest) -> LibpqStatement {
    // Shuffled, so that with more queues than slots none waits behind the others for ever.
    var seen: Set<QueueName> = []
    let queues = request.queues.filter { seen.insert($0).inserted }.shuffled()
    let ranges = ScanRanges(queues: queues, scope: request.scope)
    var parameters: [LibpqValue] =
      [
        .textArray(queues.map(\.rawValue)), .textArray(request.types.map(\.rawValue)),
        .int4(Int32(clamping: request.limit)), .int8(Int64(Limits.claimBytes)), .interval(request.lease),
      ] + ranges.parameters
    parameters += [request.leasesAt.map { .timestamptz($0) } ?? .null, .bool(request.passesOverTouched)]
    guard request.promotesDue else { return statements.claim(parameters) }
    return statements.promoteAndClaim(
      parameters + [.int4(Self.promotionBatch), .timestamptz(ScanRanges.promotedUntil(request.scope))]
    )
  }

  /// In the order in which they are to start: RETURNING comes in the order of pages.
  private func claimedTasks(_ result: LibpqResult) throws(LibpqError) -> [ClaimedTask] {
    var tasks: [ClaimedTask] = []
    tasks.reserveCapacity(result.rowCount)
    // A promotion without a claimed task, and the end of a rescan, are rows without an id.
    for row in result.rows where try !row.isNull(0) { tasks.append(try ClaimedTask(row)) }
    tasks.sort { ($0.priority, $0.dueAt, $0.claim.id) < ($1.priority, $1.dueAt, $1.claim.id) }
    return tasks
  }
}
