/// Enqueues and controls tasks outside of the app's own transactions.
///
/// To enqueue inside a transaction use the store's own method, such as `PostgresTaskStore.enqueue(_:options:in:)`.
public struct TaskClient: Sendable {
  public let store: any TaskStore

  public init(store: any TaskStore) { self.store = store }

  /// Stores one task; it is durable when this returns.
  ///
  /// Cancelling the calling task may or may not be in time; when this throws for it, the task may be stored all the same.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed` before any I/O;
  ///   `storeFailed` if it was not stored; `outcomeUnknown` if that could not be learned (enqueue again with a unique key).
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init()
  ) async throws(TaskQueueError) -> EnqueueResult {
    let results = try await store.enqueue([NewTask(payload, options: options)])
    return results[0]
  }

  /// Stores all of the tasks or none, with the same options. An empty array is a no-op.
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    all payloads: [Payload],
    options: EnqueueOptions = .init()
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    return try await store.enqueue(NewTask.encode(payloads, options: options))
  }
}
