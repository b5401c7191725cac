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
    let run: @Sendable (TaskContext) async throws -> TaskOutcome
  }

  private(set) var entries: [TaskType: Entry] = [:]

  public init() {}

  /// The registered types.
  public var types: [TaskType] { Array(entries.keys) }

  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`; `invalidConfiguration` if the type has a handler already.
  public mutating func register<Payload: TaskPayload>(
    _ payloadType: Payload.Type,
    options: TaskHandlerOptions = .init(),
    _ handle: @escaping @Sendable (Payload, TaskContext) async throws -> TaskOutcome
  ) throws(TaskQueueError) {
    let type = Payload.taskType
    try type.validate()
    try options.validate(for: type)
    guard entries[type] == nil else {
      throw .init(.invalidConfiguration, "There is a handler for \(type) already; one type has one handler.")
    }
    let decoder = JSONDecoder()
    entries[type] = Entry(options: options) { context in
      let payload: Payload
      do { payload = try decoder.decode(Payload.self, from: context.task.payload) } catch {
        throw UndecodablePayload(reason: String(describing: error))
      }
      return try await handle(payload, context)
    }
  }

  public mutating func register<Handler: TaskHandler>(
    _ handler: Handler,
    options: TaskHandlerOptions = .init()
  ) throws(TaskQueueError) {
    try register(Handler.Payload.self, options: options) { payload, context in
      try await handler.handle(payload, context: context)
    }
  }
}

/// The stored payload does not fit the handler's type.
struct UndecodablePayload: Error, CustomStringConvertible {
  let reason: String
  var description: String { "The payload cannot be decoded: \(reason)" }
}
