#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What people and programs do with schedules while they run: ``TaskClient/schedules``.
///
/// ```swift
/// try await client.schedules.set("nightly", .cron("0 4 * * *", timeZone: "Europe/Berlin"), Report())
/// try await client.schedules.pause("nightly")
/// for schedule in try await client.schedules.list() { print(schedule.name, schedule.description()) }
/// ```
///
/// What is changed here wins over what programs declare (``TaskSchedules``), until ``reset(_:)``. Workers notice at once, or within 10 s if
/// wake-ups are off. Tasks that schedules make do not pass through the client's middleware.
public struct ScheduleClient: Sendable {
  private let store: (any ScheduleStore)?
  private let coding: PayloadCoding

  init(store: any StoreContract, coding: PayloadCoding) {
    self.store = store as? any ScheduleStore
    self.coding = coding
  }

  private func contract() throws(TaskQueueError) -> any ScheduleStore {
    guard let store else {
      throw TaskQueueError(
        .invalidConfiguration,
        "This store has no schedules; use one that does, such as PostgresTaskStore."
      )
    }
    return store
  }

  // MARK: Look

  /// nil: there is none of this name.
  public func get(_ name: String) async throws(TaskQueueError) -> TaskSchedule? {
    try await contract().schedule(name)
  }

  /// By name, after the given one; at most ``Limits/page``.
  public func list(after name: String? = nil, limit: Int = 100) async throws(TaskQueueError) -> [TaskSchedule] {
    try await contract().schedules(after: name, limit: limit)
  }

  // MARK: Change

  /// Adds a schedule, or changes the one of this name.
  ///
  /// Another rule, time zone or jitter is planned from now on; with another payload or other options the next slot stays.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`; `storeFailed`.
  public func set<Payload: TaskPayload>(
    _ name: String,
    _ rule: ScheduleRule,
    _ payload: Payload,
    options: ScheduleOptions = .init()
  ) async throws(TaskQueueError) {
    try await set(name, ScheduleDefinition(rule, payload, options: options, coding: coding))
  }

  /// ``set(_:_:_:options:)`` for what is put together already.
  public func set(_ name: String, _ definition: ScheduleDefinition) async throws(TaskQueueError) {
    try ScheduleName.validate(name)
    try definition.validate()
    try await contract().putSchedules([(name, definition)], asDeclared: false, within: nil)
  }

  /// Many at once, all or none.
  public func set(all schedules: [String: ScheduleDefinition]) async throws(TaskQueueError) {
    for (name, definition) in schedules {
      try ScheduleName.validate(name)
      try definition.validate()
    }
    let named = schedules.sorted { $0.key < $1.key }.map { (name: $0.key, definition: $0.value) }
    try await contract().putSchedules(named, asDeclared: false, within: nil)
  }

  /// Changes some of it, such as the rule. Of two who do so at the same time the later one wins.
  ///
  /// - Throws: as ``set(_:_:)``; `unknownSchedule`.
  public func change(
    _ name: String,
    _ change: (inout ScheduleDefinition) -> Void
  ) async throws(TaskQueueError) {
    var definition = try await known(name).definition
    change(&definition)
    try await set(name, definition)
  }

  /// It makes no more tasks; those that it made go on. Idempotent.
  /// - Throws: `unknownSchedule`.
  public func pause(_ name: String) async throws(TaskQueueError) {
    try Self.require(try await contract().pauseSchedule(name), name)
  }

  /// It goes on with the first slot from now: what came meanwhile is not made up for, but see ``backfill(_:_:)``. Idempotent.
  /// - Throws: `unknownSchedule`.
  public func resume(_ name: String) async throws(TaskQueueError) {
    try Self.require(try await contract().resumeSchedule(name), name)
  }

  /// Goes back to what programs declare; a paused one stays paused.
  /// - Throws: `unknownSchedule`, also for one that no program declares.
  public func reset(_ name: String) async throws(TaskQueueError) {
    try Self.require(try await contract().resetSchedule(name), name)
  }

  /// Deletes it; the tasks that it made go on. A program that declares it adds it again when it starts.
  /// - Returns: whether there was one.
  @discardableResult
  public func remove(_ name: String) async throws(TaskQueueError) -> Bool {
    try await contract().removeSchedule(name)
  }

  // MARK: Make tasks

  /// Makes a task of it now, also of a paused one; its slots stay as they are. With ``ScheduleOptions/Overlap/skip`` that is the task that
  /// lives, if one does.
  /// - Throws: `unknownSchedule`.
  @discardableResult
  public func runNow(_ name: String) async throws(TaskQueueError) -> EnqueueResult {
    guard let result = try await contract().runSchedule(name) else { throw .unknownSchedule(name) }
    return result
  }

  /// Makes the tasks of a time of the past (or the future), as the rule is now, oldest first, at once.
  ///
  /// Each has a unique key of its slot: a second call makes none that is still there. It does not know what was made in its time.
  ///
  /// - Parameter range: with at most ``Limits/page`` slots.
  /// - Returns: in the order of the slots.
  /// - Throws: `unknownSchedule`, `invalidOption` for too many slots or a rule that cannot be read.
  @discardableResult
  public func backfill(_ name: String, _ range: Range<Date>) async throws(TaskQueueError) -> [EnqueueResult] {
    let slots = try await slots(of: name, in: range)
    guard !slots.isEmpty else { return [] }
    return try await contract().backfillSchedule(name, slots: slots)
  }

  /// The slots of a time, oldest first.
  func slots(of name: String, in range: Range<Date>) async throws(TaskQueueError) -> [Date] {
    let rule: ScheduleRule
    do { rule = try await known(name).definition.parsedRule() } catch let error as ScheduleRuleError {
      throw TaskQueueError(.invalidOption, "\(error)")
    } catch {
      throw error as? TaskQueueError ?? TaskQueueError(.storeFailed, "\(error)")
    }
    let slots = rule.slots(in: range, limit: Limits.page + 1)
    guard slots.count <= Limits.page else {
      throw .invalidOption("The schedule \(name) has more than \(Limits.page) slots in this time; do it in parts.")
    }
    return slots
  }

  private func known(_ name: String) async throws(TaskQueueError) -> TaskSchedule {
    guard let schedule = try await get(name) else { throw .unknownSchedule(name) }
    return schedule
  }

  private static func require(_ isThere: Bool, _ name: String) throws(TaskQueueError) {
    if !isThere { throw .unknownSchedule(name) }
  }
}

extension TaskClient {
  /// What is done again and again.
  public var schedules: ScheduleClient { ScheduleClient(store: contract, coding: coding) }
}

extension TaskQueueError {
  static func unknownSchedule(_ name: String) -> TaskQueueError {
    TaskQueueError(
      .unknownSchedule,
      "There is no schedule \(name), or none that programs declare if it is to be reset."
    )
  }
}
