#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A schedule whose time has come, or that is not planned yet.
@_spi(Store) public struct DueSchedule: Sendable {
  public var name: String
  /// Changes with the definition and with everything that is planned from.
  public var revision: Int
  public var rule: String
  public var timeZone: String
  public var catchUp: Int
  public var jitter: Duration
  /// Whose task is to be made; nil: it is to be planned, from the store's time on.
  public var slot: Date?

  public init(
    name: String,
    revision: Int,
    rule: String,
    timeZone: String,
    catchUp: Int,
    jitter: Duration,
    slot: Date?
  ) {
    self.name = name
    self.revision = revision
    self.rule = rule
    self.timeZone = timeZone
    self.catchUp = catchUp
    self.jitter = jitter
    self.slot = slot
  }
}

/// One schedule moved on: from the slot that was seen to the next one, with the tasks of what lies between.
@_spi(Store) public struct ScheduleFiring: Sendable, Equatable {
  public var name: String
  public var revision: Int
  public var seenSlot: Date?
  /// Of these slots tasks are made, oldest first.
  public var slots: [Date]
  /// nil: there is none any more.
  public var nextSlot: Date?
  /// When it is looked at again: at the next slot, or later by its jitter.
  public var nextAt: Date?
  /// Why the rule cannot be read: the slot stays, and it is looked at again after 5 minutes.
  public var problem: String?

  public init(
    name: String,
    revision: Int,
    seenSlot: Date?,
    slots: [Date] = [],
    nextSlot: Date? = nil,
    nextAt: Date? = nil,
    problem: String? = nil
  ) {
    self.name = name
    self.revision = revision
    self.seenSlot = seenSlot
    self.slots = slots
    self.nextSlot = nextSlot
    self.nextAt = nextAt
    self.problem = problem
  }
}

/// What a look at the schedules found.
@_spi(Store) public struct ScheduleLook: Sendable {
  /// How many of the firings counted; the others were another worker's already, or changed.
  public var firedCount: Int
  /// By the time at which they are due.
  public var due: [DueSchedule]
  /// How long until the next one; nil: none waits.
  public var nextDueIn: Duration?
  /// The store's clock: it decides what is due.
  public var storeTime: Date
  /// Whether there is any schedule.
  public var hasAny: Bool

  public init(firedCount: Int, due: [DueSchedule], nextDueIn: Duration?, storeTime: Date, hasAny: Bool) {
    self.firedCount = firedCount
    self.due = due
    self.nextDueIn = nextDueIn
    self.storeTime = storeTime
    self.hasAny = hasAny
  }
}

/// Where schedules are kept.
@_spi(Store) public protocol ScheduleStore: Sendable {
  /// Moves schedules on and makes their tasks, then looks which are due, at most `limit`. Per schedule all or nothing: only if its revision
  /// and slot are as given, and it is due by the store's clock and not paused. So one slot has one task, whoever dies and however many do it.
  func fire(_ firings: [ScheduleFiring], look limit: Int, within: Duration) async throws(TaskQueueError) -> ScheduleLook
  /// Adds schedules, or changes those of these names.
  /// - Parameters:
  ///   - asDeclared: by a program: what people have changed stays theirs. What is there already costs no write.
  ///   - limit: of a worker's call; nil: an app's.
  func putSchedules(
    _ schedules: [(name: String, definition: ScheduleDefinition)],
    asDeclared: Bool,
    within limit: Duration?
  ) async throws(TaskQueueError)
  func schedule(_ name: String) async throws(TaskQueueError) -> TaskSchedule?
  /// By name, after the given one; at most ``Limits/page``.
  func schedules(after name: String?, limit: Int) async throws(TaskQueueError) -> [TaskSchedule]
  /// - Returns: whether there is such a schedule.
  func pauseSchedule(_ name: String) async throws(TaskQueueError) -> Bool
  /// Goes on with the first slot from now. A schedule that is not paused stays as it is.
  func resumeSchedule(_ name: String) async throws(TaskQueueError) -> Bool
  /// - Returns: whether there is such a schedule that programs declare.
  func resetSchedule(_ name: String) async throws(TaskQueueError) -> Bool
  func removeSchedule(_ name: String) async throws(TaskQueueError) -> Bool
  /// Makes a task now; the slots stay as they are.
  /// - Returns: nil: there is no such schedule.
  func runSchedule(_ name: String) async throws(TaskQueueError) -> EnqueueResult?
  /// Makes tasks of slots of the past, with a unique key of the slot each, at most ``Limits/page``.
  /// - Returns: in the order of the slots; empty: there is no such schedule.
  func backfillSchedule(_ name: String, slots: [Date]) async throws(TaskQueueError) -> [EnqueueResult]
}
