#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The handlers of a worker, by task type.
///
/// ```swift
/// var handlers = TaskHandlers()
/// try handlers.register(SendReceipt.self) { receipt, context in
///   try await mailer.send(receipt.orderID)
///   return .completed
/// }
/// ```
public struct TaskHandlers: Sendable {
  typealias Attempt = @Sendable (TaskContext) async throws -> TaskOutcome
  typealias Handle<Payload> = @Sendable (Payload, TaskContext) async throws -> TaskOutcome

  struct Entry: Sendable {
    let options: TaskHandlerOptions
    /// Where tasks of the type go unless an enqueue says otherwise; nil: its payload does not say.
    var defaultQueue: QueueName?
    /// The most tasks of one call; nil: it takes one.
    var batchSize: Int?
    /// Called once per worker: what gathers into batches is never of two.
    let makeAttempt: @Sendable () -> Attempt
  }

  private(set) var entries: [TaskType: Entry] = [:]
  package let coding: PayloadCoding

  /// - Parameter coding: how payloads are decoded; the same as that of whoever enqueues.
  public init(coding: PayloadCoding = .standard) { self.coding = coding }

  /// The registered types.
  public var types: [TaskType] { Array(entries.keys) }

  /// - Parameter options: nil: as the payload's type says (``TaskPayload/taskDefaults``). Given ones replace the type's as a
  ///   whole: begin with `Payload.taskDefaults.handling` to keep the others.
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`; `invalidConfiguration` if the type has a handler already.
  public mutating func register<Payload: TaskPayload>(
    _ payloadType: Payload.Type,
    options: TaskHandlerOptions? = nil,
    _ handle: @escaping @Sendable (Payload, TaskContext) async throws -> TaskOutcome
  ) throws(TaskQueueError) {
    let defaults = Payload.taskDefaults
    try register(Payload.taskType, as: Payload.self, options: options ?? defaults.handling, handle)
    complete(Payload.taskType, defaultQueue: defaults.queue)
  }

  /// Registers a handler for payloads that do not say their task type.
  ///
  /// - Throws: as ``register(_:options:_:)-(Payload.Type,_,_)``.
  public mutating func register<Payload: Decodable & SendableMetatype>(
    _ type: TaskType,
    as payloadType: Payload.Type,
    options: TaskHandlerOptions = .init(),
    _ handle: @escaping @Sendable (Payload, TaskContext) async throws -> TaskOutcome
  ) throws(TaskQueueError) {
    try register(type, as: payloadType, options: options) { handle }
  }

  /// - Parameter makeHandle: called once per worker.
  mutating func register<Payload: Decodable & SendableMetatype>(
    _ type: TaskType,
    as payloadType: Payload.Type,
    options: TaskHandlerOptions,
    making makeHandle: @escaping @Sendable () -> Handle<Payload>
  ) throws(TaskQueueError) {
    try type.validate()
    try options.validate(for: type)
    guard entries[type] == nil else {
      throw .init(.invalidConfiguration, "There is a handler for \(type) already; one type has one handler.")
    }
    let decoder = PayloadDecoder<Payload>(by: coding.decoder)
    entries[type] = Entry(options: options) {
      let handle = makeHandle()
      return { context in
        let payload: Payload
        do { payload = try decoder.decode(context.task.payload) } catch {
          throw UndecodablePayload(error)
        }
        return try await handle(payload, context)
      }
    }
  }

  /// What the payload's type says of its tasks, and how many one call takes.
  mutating func complete(_ type: TaskType, defaultQueue: QueueName?, batchSize: Int? = nil) {
    entries[type]?.defaultQueue = defaultQueue
    entries[type]?.batchSize = batchSize
  }

  /// Registers a handler that is a type of its own.
  ///
  /// - Throws: as ``register(_:options:_:)-(Payload.Type,_,_)``.
  public mutating func register<Handler: TaskHandler>(
    _ handler: Handler,
    options: TaskHandlerOptions? = nil
  ) throws(TaskQueueError) {
    try register(Handler.Payload.self, options: options) { payload, context in
      try await handler.handle(payload, context: context)
    }
  }
}
