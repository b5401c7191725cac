/// The schedules that a program declares. Its workers merge them into the store when they start: new ones are added, changed ones changed,
/// those that people have changed or paused stay as they are. One that is not declared any more stays, too, until it is removed.
///
/// ```swift
/// var schedules = TaskSchedules()
/// try schedules.add("nightly", .cron("0 3 * * *", timeZone: "Europe/Berlin"), Report())
/// let worker = try TaskWorker(store: store, handlers: handlers, schedules: schedules)
/// ```
public struct TaskSchedules: Sendable {
  private(set) var definitions: [(name: String, definition: ScheduleDefinition)] = []
  private let coding: PayloadCoding

  /// - Parameter coding: how payloads are encoded; the same as the handlers decode.
  public init(coding: PayloadCoding = .standard) { self.coding = coding }

  /// - Parameter name: of the schedule, in all of the store: 1 to 128 bytes without control characters.
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`; `invalidConfiguration` if the name is
  ///   declared already.
  public mutating func add<Payload: TaskPayload>(
    _ name: String,
    _ rule: ScheduleRule,
    _ payload: Payload,
    options: ScheduleOptions = .init()
  ) throws(TaskQueueError) {
    try add(name, ScheduleDefinition(rule, payload, options: options, coding: coding))
  }

  /// ``add(_:_:_:options:)`` for a payload that does not say its task type.
  public mutating func add<Payload: Encodable>(
    _ name: String,
    _ rule: ScheduleRule,
    _ payload: Payload,
    as type: TaskType,
    options: ScheduleOptions = .init()
  ) throws(TaskQueueError) {
    try add(name, ScheduleDefinition(rule, payload, as: type, options: options, coding: coding))
  }

  private mutating func add(_ name: String, _ definition: ScheduleDefinition) throws(TaskQueueError) {
    try ScheduleName.validate(name)
    guard !definitions.contains(where: { $0.name == name }) else {
      throw TaskQueueError(.invalidConfiguration, "There are two schedules with the name \(name); give each its own.")
    }
    definitions.append((name, definition))
  }
}

enum ScheduleName {
  /// - Throws: `invalidName`.
  static func validate(_ name: String) throws(TaskQueueError) {
    try NameRule.validate(name, kind: "schedule's name")
  }
}
