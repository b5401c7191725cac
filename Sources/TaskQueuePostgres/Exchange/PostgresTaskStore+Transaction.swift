public import Libpq
@_spi(Store) public import TaskQueue

extension PostgresTaskStore: TransactionalTaskStore {
  /// A COMMIT without an answer is looked up if the transaction's id is known: ``settle(_:in:)`` learns it, the app may set it.
  public func withTransaction<Value>(_ body: (LibpqTransaction) async throws -> Value) async throws -> Value {
    try await withTransaction(.init(), body)
  }

  public func withReadCommittedTransaction<Value>(
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    try await withTransaction(.init(isolationLevel: .readCommitted), body)
  }

  /// As ``withTransaction(_:)``, perhaps in one transaction with other callers: see `LibpqTransactionGroups`.
  public func withGroupedTransaction<Value: Sendable>(
    order: String,
    _ body: @escaping @Sendable (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    try await naming { try await transactionGroups.withTransaction(order: order) { try await Self.marked($0, body) } }
  }

  private func withTransaction<Value>(
    _ options: LibpqTransactionOptions,
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    try await naming { try await pool.withTransaction(options) { try await Self.marked($0, body) } }
  }

  private static func marked<Value>(
    _ transaction: LibpqTransaction,
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    do { return try await body(transaction) } catch let error as LibpqError { throw BodyFailure(error: error) }
  }

  private func naming<Value>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch let failure as BodyFailure {
      throw failure.error
    } catch let error as LibpqError {
      throw TaskQueueError(error, .unsafe)
    }
  }

  /// Stores encoded tasks in the app's transaction: by one statement, or from 500 tasks or 1 MiB on by COPY if the role may
  /// write the table. Either way all or none, ids in the order of the tasks.
  public func enqueue(
    _ tasks: [NewTask],
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    if TaskCopy.suits(tasks), let copied = try await copy(tasks, in: transaction) { return copied }
    let order = EnqueueBatch.batches(of: tasks).count > 1 ? EnqueueBatch.order(of: tasks) : nil
    var enqueued: [EnqueueResult] = []
    enqueued.reserveCapacity(tasks.count)
    for batch in EnqueueBatch.batches(of: order.map { $0.map { tasks[$0] } } ?? tasks) {
      let result = try await query(try statement(batch), in: transaction)
      enqueued += try EnqueueResult.results(result, count: batch.count)
    }
    guard let order else { return enqueued }
    var results = enqueued
    for (place, index) in order.enumerated() { results[index] = enqueued[place] }
    return results
  }

  /// One round trip, which also learns the transaction's id, so that `LibpqPool.withTransaction` can resolve a
  /// COMMIT without an answer.
  public func settle(_ settlement: Settlement, in transaction: LibpqTransaction) async throws(TaskQueueError) {
    let claim = settlement.claim
    let batch = try SettlementBatch([settlement])
    let statement: LibpqStatement =
      switch settlement.action {
      case .complete: statements.completeInTransaction(.int8Array([claim.id.rawValue]), .int8Array([claim.token]))
      case .conclude: statements.concludeInTransaction(batch.conclusionParameters)
      case .suspend:
        statements.suspendInTransaction(batch.suspensionParameters(wakes: configuration.wakesUp))
      case .reschedule, .fail, .bury, .release:
        statements.settleInTransaction(batch.othersParameters(wakes: configuration.wakesUp))
      }
    let result = try await query(statement, in: transaction)
    let (transactionID, applied) = try read { () throws(LibpqError) in
      (UInt64(try result[0].int8(0)), try result[0].bool(1))
    }
    transaction.transactionID = transactionID
    guard applied else { throw TaskQueueError(leaseLostBy: claim) }
  }

  /// A completion needs no round trip of its own. What other outcomes say is awaited.
  public func settleAhead(_ settlement: Settlement, in transaction: LibpqTransaction) async throws(TaskQueueError) {
    guard let statement = try ahead(settlement) else { return try await settle(settlement, in: transaction) }
    let claim = settlement.claim
    try send(statement, aheadIn: transaction) { transaction, result in
      switch result {
      case .success(let result):
        transaction.transactionID = (try? result.rows.first?.int8(0)).map(UInt64.init)
        return nil
      case .failure(let error):
        return error.isLostClaim ? TaskQueueError(leaseLostBy: claim) : nil
      }
    }
  }

  /// See ``TaskClient/complete(_:with:enqueuing:)``.
  func complete(
    _ context: TaskContext,
    with statements: [LibpqStatement],
    enqueuing tasks: [NewTask] = []
  ) async throws -> (results: [LibpqResult], enqueued: [EnqueueResult]) {
    guard let settlement = Settlement(context, .completed), let fence = try ahead(settlement) else {
      preconditionFailure("a completion is recorded, and has a fence")
    }
    let batches = EnqueueBatch.batches(of: tasks)
    var all = statements
    for batch in batches { all.append(try statement(batch)) }
    let results: ArraySlice<LibpqResult>
    do { results = try await complete(settlement, fence, with: all) } catch let error as LibpqError
      where error.sqlState == "TQ002"
    {
      throw TaskQueueError(error, .safe)
    }
    var enqueued: [EnqueueResult] = []
    for (batch, result) in zip(batches, results.dropFirst(statements.count)) {
      enqueued += try EnqueueResult.results(result, count: batch.count)
    }
    return (Array(results.prefix(statements.count)), enqueued)
  }

  private func complete(
    _ settlement: Settlement,
    _ fence: LibpqStatement,
    with statements: [LibpqStatement]
  ) async throws -> ArraySlice<LibpqResult> {
    switch StatementManner.of(statements) {
    case .plain: break
    case .particular:
      return try await withTransaction { transaction in
        try await settleAhead(settlement, in: transaction)
        return try await transaction.pipeline(statements)[...]
      }
    case .refused:
      throw LibpqError(
        .invalidArgument,
        "a statement that begins or ends a transaction, or copies from or to the client, can't be part of a completion; nothing was sent"
      )
    }
    if case .complete = settlement.action,
      let results = try await completions.complete(Completion(claim: settlement.claim, statements: statements))
    {
      return results
    }
    do {
      return try await pool.pipeline([fence] + statements).dropFirst()
    } catch {
      if error.isLostClaim { throw TaskQueueError(leaseLostBy: settlement.claim) }
      if error.code == .server || error.code == .invalidArgument { throw error }
      throw TaskQueueError(error, .unsafe)
    }
  }

  /// A completion that fails for a claim that no longer holds the task; nil: the settlement is none.
  func ahead(_ settlement: Settlement) throws(TaskQueueError) -> LibpqStatement? {
    let claim = settlement.claim
    return switch settlement.action {
    case .complete: statements.completeAhead(.int8Array([claim.id.rawValue]), .int8Array([claim.token]))
    case .conclude: statements.concludeAhead(try SettlementBatch([settlement]).conclusionParameters)
    case .suspend, .reschedule, .fail, .bury, .release: nil
    }
  }

  private func send(
    _ statement: LibpqStatement,
    aheadIn transaction: LibpqTransaction,
    receive: @escaping @Sendable (LibpqTransaction, Result<LibpqResult, LibpqError>) -> (any Error)?
  ) throws(TaskQueueError) {
    do { try transaction.sendAhead(statement, receive: receive) } catch { throw TaskQueueError(error, .safe) }
  }

  /// One round trip for all. Rows are locked by ascending id, whatever the claims' order, so that such transactions do not deadlock.
  public func complete(_ claims: [Claim], in transaction: LibpqTransaction) async throws(TaskQueueError) -> [Bool] {
    guard !claims.isEmpty else { return [] }
    let sorted = claims.sorted { $0.id < $1.id }
    let result = try await query(
      statements.completeAllInTransaction(
        .int8Array(sorted.map(\.id.rawValue)),
        .int8Array(sorted.map(\.token))
      ),
      in: transaction
    )
    let (transactionID, tokens) = try read { () throws(LibpqError) in
      var tokens: Set<Int64> = []
      for row in result.rows where try !row.isNull(1) { tokens.insert(try row.int8(1)) }
      return (UInt64(try result[0].int8(0)), tokens)
    }
    transaction.transactionID = transactionID
    return claims.map { tokens.contains($0.token) }
  }

  public func deleteDuplicates(
    _ filter: DuplicateFilter,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> Int {
    try count(try await query(duplicates(filter), in: transaction))
  }

  /// One round trip.
  public func beginEffect(
    _ intent: EffectIntent,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> EffectDecision {
    try decision(try await query(begin(intent), in: transaction), intent)
  }

  public func endEffect(
    _ call: EffectCall,
    _ outcome: EffectOutcome,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) {
    try send(effectStatements.end(Self.endParameters(call, outcome)), aheadIn: transaction) { _, result in
      if case .failure(let error) = result { TaskQueueError(error, .safe) } else { nil }
    }
  }

  /// Keeps the body's own database errors apart from those of BEGIN and COMMIT.
  private struct BodyFailure: Error {
    let error: LibpqError
  }
}

extension TaskQueueError {
  init(leaseLostBy claim: Claim) {
    self.init(.leaseLost, "Task \(claim.id) is no longer held by this claim; roll the transaction back.")
  }
}

extension LibpqError {
  /// Whether a completion found that its claim no longer holds the task. The server quotes the text in the language of its messages.
  var isLostClaim: Bool { sqlState == "22P02" && message.contains(StoreStatements.lostClaim) }
}
