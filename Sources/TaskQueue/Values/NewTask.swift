#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A task about to be stored: validated, encoded, with the defaults of its type.
public struct NewTask: Sendable {
  public let type: TaskType
  /// UTF-8 JSON.
  public package(set) var payload: Data
  public let queue: QueueName
  public let priority: Int
  public let schedule: EnqueueOptions.Schedule
  public package(set) var unique: UniqueKey?
  public package(set) var limit: TaskLimit?
  public let maxAttempts: Int?
  public let retry: StoredRetryPolicy?
  /// Middleware may add to them, within ``Limits/headerBytes``.
  public var headers: [String: String]
  public package(set) var deadline: Date?
  /// false: nothing but type and payload is to be stored; decided once per enqueue, since bulks ask for every task.
  package var hasOptions: Bool { hasTemplateOptions || unique != nil || limit != nil || !headers.isEmpty }
  private let hasTemplateOptions: Bool

  /// Encodes and validates.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`. Nothing was sent.
  public init<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init(),
    coding: PayloadCoding = .standard
  ) throws(TaskQueueError) {
    self = try TaskEncoder<Payload>(options: options, coding: coding).encode(payload)
  }

  /// ``init(_:options:coding:)`` for a payload whose type does not say its task type, or is enqueued as another one: then its own
  /// defaults do not hold.
  public init<Payload: Encodable>(
    _ payload: Payload,
    as type: TaskType,
    options: EnqueueOptions = .init(),
    coding: PayloadCoding = .standard
  ) throws(TaskQueueError) {
    self = try TaskEncoder<Payload>(type, options: options, coding: coding).encode(payload)
  }

  /// For payloads that are JSON already. That it is JSON is checked by the store.
  public init(type: TaskType, json payload: Data, options: EnqueueOptions = .init()) throws(TaskQueueError) {
    self = try TaskEncoder<Never>(type, options: options, coding: .shared).task(
      payload,
      unique: options.unique,
      limit: options.limit
    )
  }

  init(template: Template, payload: Data, unique: UniqueKey?, limit: TaskLimit?) throws(TaskQueueError) {
    guard payload.count <= Limits.payloadBytes else {
      throw .init(
        .payloadTooLarge,
        """
        The payload of \(template.type) is \(payload.count) bytes; the limit is \(Limits.payloadBytes). Store a reference instead.
        """
      )
    }
    type = template.type
    self.payload = payload
    queue = template.queue
    priority = template.priority
    schedule = template.options.schedule
    self.unique = unique
    self.limit = limit
    maxAttempts = template.options.maxAttempts
    retry = template.retry
    headers = template.headers
    deadline = template.options.deadline
    hasTemplateOptions = template.hasOptions
  }

  /// What tasks of one enqueue share; validated.
  struct Template: Sendable {
    let type: TaskType
    let queue: QueueName
    let priority: Int
    let retry: StoredRetryPolicy?
    let headers: [String: String]
    let options: EnqueueOptions
    let hasOptions: Bool

    init(type: TaskType, queue: QueueName, priority: Int, options: EnqueueOptions) {
      self.type = type
      self.queue = queue
      self.priority = priority
      retry = options.retry?.stored
      headers = options.storedHeaders
      self.options = options
      hasOptions =
        queue != .default || priority != TaskPriority.standard || options.schedule != .now
        || options.maxAttempts != nil || options.retry != nil || options.deadline != nil
    }
  }
}
