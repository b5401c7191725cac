/// Everything an app does with tasks: enqueue, control, inspect; with a ``TransactionalTaskStore`` also in the app's own transactions.
///
/// ```swift
/// let client = TaskClient(store: store)
/// try await client.enqueue(SendReceipt(orderID: 7))
/// ```
///
/// A value without state of its own: make one and pass it on.
public struct TaskClient<Store: TaskStore>: Sendable {
  public let store: Store
  let contract: any StoreContract
  package let coding: PayloadCoding
  let middleware: [any TaskMiddleware]

  /// - Parameters:
  ///   - coding: how payloads are encoded; the same as the handlers decode.
  ///   - middleware: around every enqueue, the first one outermost.
  public init(store: Store, coding: PayloadCoding = .standard, middleware: [any TaskMiddleware] = []) {
    self.store = store
    self.coding = coding
    self.middleware = middleware + [EnqueueMetrics()]
    contract = store.contract
  }

  /// Stores one task; it is durable when this returns.
  ///
  /// Cancelling the calling task may or may not be in time; when this throws for it, the task may be stored all the same.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed` before any I/O; `refused` by
  ///   middleware; `storeFailed` if it was not stored; `outcomeUnknown` if that could not be learned (enqueue again with a unique key).
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init()
  ) async throws(TaskQueueError) -> EnqueueResult {
    try await enqueue([newTask(payload, options: options)])[0]
  }

  /// Stores one task whose payload does not say its task type.
  ///
  /// - Throws: as ``enqueue(_:options:)``.
  @discardableResult
  public func enqueue<Payload: Encodable>(
    _ payload: Payload,
    as type: TaskType,
    options: EnqueueOptions = .init()
  ) async throws(TaskQueueError) -> EnqueueResult {
    try await enqueue([newTask(payload, as: type, options: options)])[0]
  }

  /// Stores all of the tasks or none, with the same options. An empty array is a no-op.
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    all payloads: [Payload],
    options: EnqueueOptions = .init()
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    try await enqueue(newTasks(payloads, options: options))
  }

  /// Stores tasks of any types, all or none. An empty array is a no-op.
  @discardableResult
  public func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    guard !tasks.isEmpty else { return [] }
    return try await middleware.enqueue(tasks) { tasks throws(TaskQueueError) in try await contract.enqueue(tasks) }
  }

  // MARK: Encoding

  /// A task to be stored later, or by another driver: validated, and encoded as this client does it. Middleware does not see it.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`.
  public func newTask<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init()
  ) throws(TaskQueueError) -> NewTask {
    try TaskEncoder<Payload>(options: options, coding: coding).encode(payload)
  }

  /// ``newTask(_:options:)`` for a payload that does not say its task type.
  public func newTask<Payload: Encodable>(
    _ payload: Payload,
    as type: TaskType,
    options: EnqueueOptions = .init()
  ) throws(TaskQueueError) -> NewTask {
    try TaskEncoder<Payload>(type, options: options, coding: coding).encode(payload)
  }

  /// Several payloads with the same options; many of them are encoded on several cores.
  public func newTasks<Payload: TaskPayload>(
    _ payloads: [Payload],
    options: EnqueueOptions = .init()
  ) async throws(TaskQueueError) -> [NewTask] {
    guard !payloads.isEmpty else { return [] }
    return try await TaskEncoder<Payload>(options: options, coding: coding).encode(all: payloads)
  }
}
