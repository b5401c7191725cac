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
