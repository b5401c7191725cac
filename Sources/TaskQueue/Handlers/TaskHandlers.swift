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
  struct Entry: Sendable {
    let options: TaskHandlerOptions
    /// Where tasks of the type go unless an enqueue says otherwise; nil: its payload does not say.
    var defaultQueue: QueueName?
    let run: @Sendable (TaskContext) async throws -> TaskOutcome
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
    entries[Payload.taskType]?.defaultQueue = defaults.queue
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
    try type.validate()
    try options.validate(for: type)
    guard entries[type] == nil else {
      throw .init(.invalidConfiguration, "There is a handler for \(type) already; one type has one handler.")
    }
    let decoder = coding.decoder
    entries[type] = Entry(options: options) { context in
      let payload: Payload
      do { payload = try decoder.decode(Payload.self, from: context.task.payload) } catch {
        throw UndecodablePayload(error)
      }
      return try await handle(payload, context)
    }
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
