#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a schedule makes, and when: as it is stored.
public struct ScheduleDefinition: Hashable, Sendable {
  /// ``ScheduleRule/text``.
  public var rule: String
  public var timeZone: String
  public var type: TaskType
  /// UTF-8 JSON.
  public var payload: Data
  public var queue: QueueName
  public var priority: Int
  public var maxAttempts: Int?
  public var retry: StoredRetryPolicy?
  public var headers: [String: String]
  /// What each task keeps to; nil: no limit.
  public var limit: TaskLimit?
  public var overlap: ScheduleOptions.Overlap
  public var catchUp: ScheduleOptions.CatchUp
  public var jitter: Duration

  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`.
  public init<Payload: TaskPayload>(
    _ rule: ScheduleRule,
    _ payload: Payload,
    options: ScheduleOptions = .init(),
    coding: PayloadCoding = .standard
  ) throws(TaskQueueError) {
    try self.init(rule, task: NewTask(payload, options: options.task, coding: coding), options: options)
  }

  /// For a payload that does not say its task type.
  public init<Payload: Encodable>(
    _ rule: ScheduleRule,
    _ payload: Payload,
    as type: TaskType,
    options: ScheduleOptions = .init(),
    coding: PayloadCoding = .standard
  ) throws(TaskQueueError) {
    try self.init(rule, task: NewTask(payload, as: type, options: options.task, coding: coding), options: options)
  }

  private init(_ rule: ScheduleRule, task: NewTask, options: ScheduleOptions) throws(TaskQueueError) {
    try options.validate()
    self.rule = rule.text
    timeZone = rule.timeZone
    type = task.type
    payload = task.payload
    queue = task.queue
    priority = task.priority
    maxAttempts = task.maxAttempts
    retry = task.retry
    headers = task.headers
    limit = task.limit
    overlap = options.overlap
    catchUp = options.catchUp
    jitter = options.jitter
  }

  /// - Throws: ``ScheduleRuleError`` for a rule that SQL has stored and nobody can read.
  public func parsedRule() throws(ScheduleRuleError) -> ScheduleRule { try ScheduleRule(rule, timeZone: timeZone) }

  /// Another rule, also for a definition whose own cannot be read.
  public mutating func setRule(_ rule: ScheduleRule) {
    self.rule = rule.text
    timeZone = rule.timeZone
  }

  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`.
  public func validate() throws(TaskQueueError) {
    do { _ = try parsedRule() } catch { throw TaskQueueError(.invalidOption, "\(error)") }
    var options = ScheduleOptions()
    options.overlap = overlap
    options.catchUp = catchUp
    options.jitter = jitter
    options.task.queue = queue
    options.task.priority = priority
    options.task.maxAttempts = maxAttempts
    options.task.retry = retry.map(RetryPolicy.init)
    options.task.headers = headers
    options.task.limit = limit
    try options.validate()
    _ = try NewTask(type: type, json: payload)
  }
}

/// Without the payload, which is JSON already.
extension ScheduleDefinition: Codable {
  private enum CodingKeys: String, CodingKey {
    case rule, timeZone, type, queue, priority, maxAttempts, retry, headers, limit, overlap, catchUp, jitterSeconds
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    rule = try values.decode(String.self, forKey: .rule)
    timeZone = try values.decodeIfPresent(String.self, forKey: .timeZone) ?? "UTC"
    type = TaskType(try values.decode(String.self, forKey: .type))
    payload = Data("{}".utf8)
    queue = try values.decodeIfPresent(String.self, forKey: .queue).map { QueueName($0) } ?? .default
    priority = try values.decodeIfPresent(Int.self, forKey: .priority) ?? TaskPriority.standard
    maxAttempts = try values.decodeIfPresent(Int.self, forKey: .maxAttempts)
    retry = try values.decodeIfPresent(StoredRetryPolicy.self, forKey: .retry)
    headers = try values.decodeIfPresent([String: String].self, forKey: .headers) ?? [:]
    limit = try values.decodeIfPresent(String.self, forKey: .limit).map(TaskLimit.init(stored:))
    overlap = .init(rawValue: try values.decodeIfPresent(String.self, forKey: .overlap) ?? "queue")
    catchUp = .init(count: try values.decodeIfPresent(Int.self, forKey: .catchUp) ?? 1)
    jitter = .seconds(try values.decodeIfPresent(Int64.self, forKey: .jitterSeconds) ?? 0)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(rule, forKey: .rule)
    try values.encode(timeZone, forKey: .timeZone)
    try values.encode(type.rawValue, forKey: .type)
    try values.encode(queue.rawValue, forKey: .queue)
    try values.encode(priority, forKey: .priority)
    try values.encodeIfPresent(maxAttempts, forKey: .maxAttempts)
    try values.encodeIfPresent(retry, forKey: .retry)
    try values.encode(headers, forKey: .headers)
    try values.encodeIfPresent(limit?.stored, forKey: .limit)
    try values.encode(overlap.rawValue, forKey: .overlap)
    try values.encode(catchUp.count, forKey: .catchUp)
    try values.encode(jitter.components.seconds, forKey: .jitterSeconds)
  }
}
