public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A task that waits in a store, with its payload decoded. Everything of its `TaskSnapshot` is a property of it too: `receipt.queue`.
@dynamicMemberLookup
public struct EnqueuedTask<Payload: Sendable>: Sendable {
  public let payload: Payload
  public let task: TaskSnapshot

  /// How long after it was enqueued it is due, to the millisecond; zero: at once.
  public var delay: Duration { .milliseconds(since: task.createdAt, until: task.dueAt) }

  public subscript<Value>(dynamicMember member: KeyPath<TaskSnapshot, Value>) -> Value { task[keyPath: member] }
}

extension TaskClient {
  /// The live tasks with this payload, oldest first: "was it enqueued?"
  ///
  /// ```swift
  /// let receipts = try await client.enqueued(SendReceipt.self)
  /// #expect(receipts.map(\.payload.orderID) == [7])
  /// ```
  ///
  /// Finished tasks are gone: let no worker run meanwhile. Reads all live tasks.
  ///
  /// - Throws: `DecodingError` if a payload does not fit; `TaskQueueError` of the store.
  public func enqueued<Payload: TaskPayload>(_ payload: Payload.Type) async throws -> [EnqueuedTask<Payload>] {
    try await enqueued(Payload.taskType, as: Payload.self)
  }

  /// ``enqueued(_:)`` for payloads that do not say their task type.
  public func enqueued<Payload: Decodable & Sendable>(
    _ type: TaskType,
    as payload: Payload.Type
  ) async throws -> [EnqueuedTask<Payload>] {
    var found: [EnqueuedTask<Payload>] = []
    var last: TaskID?
    while true {
      let page = try await tasks(after: last, limit: Limits.page)
      for task in page where task.type == type {
        found.append(EnqueuedTask(payload: try coding.decoder.decode(Payload.self, from: task.payload), task: task))
      }
      guard page.count == Limits.page else { return found }
      last = page.last?.id
    }
  }

  /// The tasks with this payload that the body enqueues, oldest first.
  ///
  /// ```swift
  /// let receipts = try await client.enqueued(SendReceipt.self) { try await checkout.placeOrder() }
  /// ```
  ///
  /// A waiting task that the body only replaces or pulls forward, by its unique key, is not among them.
  ///
  /// - Throws: what `body` throws; else as ``enqueued(_:)``.
  public func enqueued<Payload: TaskPayload>(
    _ payload: Payload.Type,
    by body: () async throws -> Void
  ) async throws -> [EnqueuedTask<Payload>] {
    let before = Set(try await enqueued(payload).map(\.task.id))
    try await body()
    return try await enqueued(payload).filter { !before.contains($0.task.id) }
  }
}
