#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How long after its creation a task of this type may take until it is final.
public struct AlarmRule: Hashable, Sendable {
  public var type: TaskType
  /// Above zero.
  public var finalWithin: Duration

  public init(_ type: TaskType, finalWithin: Duration) {
    self.type = type
    self.finalWithin = finalWithin
  }

  /// - Throws: `invalidName`, `invalidOption`.
  public func validate() throws(TaskQueueError) {
    try type.validate()
    guard finalWithin > .zero, finalWithin <= Limits.delay else {
      throw .invalidOption("An alarm's finalWithin must be above zero and at most 100 years.")
    }
  }
}

/// A task that should be final by now.
public struct OverdueTask: Hashable, Sendable {
  public var id: TaskID
  public var queue: QueueName
  public var type: TaskType
  public var createdAt: Date
  /// How long it should have been final.
  public var overdueBy: Duration
  /// Whether it is a dead letter.
  public var isDead: Bool

  public init(id: TaskID, queue: QueueName, type: TaskType, createdAt: Date, overdueBy: Duration, isDead: Bool) {
    self.id = id
    self.queue = queue
    self.type = type
    self.createdAt = createdAt
    self.overdueBy = overdueBy
    self.isDead = isDead
  }
}

/// How many effects of one task type need somebody.
public struct EffectAlarm: Hashable, Sendable {
  /// Why.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Without a known outcome for longer than the monitor's `unknownAfter`.
    case unknown
    /// Waiting for a person.
    case parked
    /// The reports of it cannot all be true.
    case contradicted
  }

  public var type: TaskType
  public var kind: Kind
  /// Up to ``Limits/page`` of all types together.
  public var count: Int
  /// Since the oldest one's last intent (contradicted: since its last change).
  public var oldest: Duration

  public init(type: TaskType, kind: Kind, count: Int, oldest: Duration) {
    self.type = type
    self.kind = kind
    self.count = count
    self.oldest = oldest
  }
}

/// One look at a page of live tasks and at all effects.
public struct AlarmPage: Sendable {
  /// Overdue tasks of this page, by ascending id; at most `limit` per type.
  public var overdue: [OverdueTask]
  /// How many the page has of each type.
  public var counts: [TaskType: Int]
  /// Where the next page begins; nil: no live task behind this page can be overdue.
  public var next: TaskID?
  /// Overdue dead letters (not cancelled ones), at most `limit` per type.
  public var dead: [OverdueTask]
  public var effects: [EffectAlarm]

  public init(
    overdue: [OverdueTask],
    counts: [TaskType: Int],
    next: TaskID?,
    dead: [OverdueTask],
    effects: [EffectAlarm]
  ) {
    self.overdue = overdue
    self.counts = counts
    self.next = next
    self.dead = dead
    self.effects = effects
  }
}

/// What a store knows about what takes too long.
public protocol AlarmSource: Sendable {
  /// Adds these rules or changes those of their types; others stay. An empty array is a no-op.
  func setAlarmRules(_ rules: [AlarmRule]) async throws(TaskQueueError)
  /// - Returns: whether there was one.
  func removeAlarmRule(for type: TaskType) async throws(TaskQueueError) -> Bool
  /// By type.
  func alarmRules() async throws(TaskQueueError) -> [AlarmRule]

  /// Looks at `page` live tasks by ascending id, and at the effects. One round trip; its cost is bounded by `page` and `limit`,
  /// not by the table.
  func alarms(
    after id: TaskID?,
    page: Int,
    limit: Int,
    unknownAfter: Duration
  ) async throws(TaskQueueError) -> AlarmPage
}

/// What the monitor saw, complete as of its last sweep over all live tasks.
public struct AlarmReport: Sendable {
  /// Overdue live tasks, then dead letters; at most the configured number per type and kind. ``overdueCounts`` has all live ones.
  public var overdue: [OverdueTask]
  /// Overdue live tasks by type, and overdue dead letters up to the limit.
  public var overdueCounts: [TaskType: Int]
  public var effects: [EffectAlarm]

  public init(overdue: [OverdueTask], overdueCounts: [TaskType: Int], effects: [EffectAlarm]) {
    self.overdue = overdue
    self.overdueCounts = overdueCounts
    self.effects = effects
  }

  /// Whether all is well.
  public var isEmpty: Bool { overdue.isEmpty && effects.isEmpty }
}
