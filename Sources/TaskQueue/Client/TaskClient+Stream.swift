extension TaskClient {
  /// Stores a stream of payloads of any length, with the same options, in bounded memory.
  ///
  /// Commits batch by batch (10,000 tasks or 8 MiB): **not** all or none. A batch is all or none, and batches are stored in the order of the
  /// stream; when something fails, the error says how many tasks are stored, and the caller may go on behind them. A batch is stored
  /// when it is full or the stream ends: a stream that trickles is better enqueued one by one.
  ///
  /// The source is read while the batch before is stored, and not further: back-pressure. Cancellation ends the stream between batches; a
  /// batch under way is stored as a whole or not at all.
  ///
  /// - Parameter onProgress: Called after each batch's commit; the next batch waits for it. Throwing ends the stream. A callback and not
  ///   a sequence: nobody has to consume it, nothing is buffered, and a resume point written here is never behind the store by more than
  ///   one batch.
  /// - Returns: how many tasks were stored.
  @discardableResult
  public func enqueue<Payloads: AsyncSequence>(
    streaming payloads: Payloads,
    options: EnqueueOptions = .init(),
    onProgress: (EnqueueProgress) async throws -> Void = { _ in }
  ) async throws(EnqueueStreamError) -> Int where Payloads.Element: TaskPayload {
    let tasks: TaskEncoder<Payloads.Element>
    do { tasks = try TaskEncoder(options: options, coding: coding) } catch {
      throw EnqueueStreamError(storedCount: 0, underlying: error)
    }
    let client = self
    let stream = EnqueueStream<Payloads>(
      readsAhead: true,
      encode: { payload throws(TaskQueueError) in try tasks.encode(payload) },
      store: { batch throws(TaskQueueError) in try await client.enqueue(batch) }
    )
    return try await stream.run(payloads, onProgress: onProgress)
  }

  /// ``enqueue(streaming:options:onProgress:)`` for tasks of several types, or with options of their own.
  @discardableResult
  public func enqueue<Tasks: AsyncSequence>(
    streaming tasks: Tasks,
    onProgress: (EnqueueProgress) async throws -> Void = { _ in }
  ) async throws(EnqueueStreamError) -> Int where Tasks.Element == NewTask {
    let client = self
    let stream = EnqueueStream<Tasks>(
      readsAhead: true,
      encode: { task throws(TaskQueueError) in task },
      store: { batch throws(TaskQueueError) in try await client.enqueue(batch) }
    )
    return try await stream.run(tasks, onProgress: onProgress)
  }
}

extension TaskClient where Store: TransactionalTaskStore {
  /// Stores a stream of payloads of any length in the app's transaction, in bounded memory: all of it exists when that commits, nothing
  /// when it rolls back.
  ///
  /// As ``enqueue(streaming:options:onProgress:)``, but with one commit. After an error roll the transaction back: let it
  /// leave the transaction's body. Nothing is read ahead, so the source and the callback may use the transaction; nobody else may
  /// meanwhile.
  ///
  /// - Returns: how many tasks were stored.
  @discardableResult
  public func enqueue<Payloads: AsyncSequence>(
    streaming payloads: Payloads,
    options: EnqueueOptions = .init(),
    in transaction: Transaction,
    onProgress: (EnqueueProgress) async throws -> Void = { _ in }
  ) async throws(EnqueueStreamError) -> Int where Payloads.Element: TaskPayload, Transaction: Sendable {
    let tasks: TaskEncoder<Payloads.Element>
    do { tasks = try TaskEncoder(options: options, coding: coding) } catch {
      throw EnqueueStreamError(storedCount: 0, underlying: error)
    }
    let stream = EnqueueStream<Payloads>(
      readsAhead: false,
      encode: { payload throws(TaskQueueError) in try tasks.encode(payload) },
      store: { batch throws(TaskQueueError) in try await self.enqueue(batch, in: transaction) }
    )
    return try await stream.run(payloads, onProgress: onProgress)
  }

  /// ``enqueue(streaming:options:in:onProgress:)`` for tasks of several types, or with options of their own.
  @discardableResult
  public func enqueue<Tasks: AsyncSequence>(
    streaming tasks: Tasks,
    in transaction: Transaction,
    onProgress: (EnqueueProgress) async throws -> Void = { _ in }
  ) async throws(EnqueueStreamError) -> Int where Tasks.Element == NewTask, Transaction: Sendable {
    let stream = EnqueueStream<Tasks>(
      readsAhead: false,
      encode: { task throws(TaskQueueError) in task },
      store: { batch throws(TaskQueueError) in try await self.enqueue(batch, in: transaction) }
    )
    return try await stream.run(tasks, onProgress: onProgress)
  }
}
