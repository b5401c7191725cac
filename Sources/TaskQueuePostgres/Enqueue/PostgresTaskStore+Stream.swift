public import Libpq
public import TaskQueue

extension PostgresTaskStore {
  /// Stores a stream of payloads of any length in the app's transaction, in bounded memory: all of it exists when that commits, nothing
  /// when it rolls back.
  ///
  /// As `TaskClient.enqueue(streaming:options:onProgress:)`, but with one commit. After an error roll the transaction back: let it
  /// leave the transaction's body. Nothing is read ahead, so the source and the callback may use the transaction; nobody else may
  /// meanwhile.
  ///
  /// - Returns: how many tasks were stored.
  @discardableResult
  public func enqueue<Payloads: AsyncSequence>(
    streaming payloads: Payloads,
    options: EnqueueOptions = .init(),
    in transaction: LibpqTransaction,
    onProgress: (EnqueueProgress) async throws -> Void = { _ in }
  ) async throws(EnqueueStreamError) -> Int where Payloads.Element: TaskPayload {
    let encoder: TaskEncoder<Payloads.Element>
    do { encoder = try TaskEncoder(options: options) } catch {
      throw EnqueueStreamError(storedCount: 0, underlying: error)
    }
    let stream = EnqueueStream<Payloads>(
      readsAhead: false,
      encode: { payload throws(TaskQueueError) in try encoder.encode(payload) },
      store: { batch throws(TaskQueueError) in try await self.enqueue(batch, in: transaction) }
    )
    return try await stream.run(payloads, onProgress: onProgress)
  }

  /// ``enqueue(streaming:options:in:onProgress:)`` for tasks of several types, or with options of their own.
  @discardableResult
  public func enqueue<Tasks: AsyncSequence>(
    streaming tasks: Tasks,
    in transaction: LibpqTransaction,
    onProgress: (EnqueueProgress) async throws -> Void = { _ in }
  ) async throws(EnqueueStreamError) -> Int where Tasks.Element == NewTask {
    let stream = EnqueueStream<Tasks>(
      readsAhead: false,
      encode: { task throws(TaskQueueError) in task },
      store: { batch throws(TaskQueueError) in try await self.enqueue(batch, in: transaction) }
    )
    return try await stream.run(tasks, onProgress: onProgress)
  }
}
