/// What a schedule does besides making a task per slot.
public struct ScheduleOptions: Sendable {
  /// What happens at a slot while the task of an earlier one lives (waits, runs, or is retried).
  public struct Overlap: RawRepresentable, Hashable, Sendable, Codable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Each slot has a task; two may run at the same time.
    public static let queue = Overlap(rawValue: "queue")
    /// The slot is left out.
    public static let skip = Overlap(rawValue: "skip")
    /// The waiting task becomes this slot's; one that a worker holds runs once more afterwards, for the last slot that came.
    public static let replace = Overlap(rawValue: "replace")
  }

  /// How many slots are made up for that came while no worker was there, or the database was away.
  public struct CatchUp: Hashable, Sendable {
    package let count: Int

    /// None: a slot that is not made within ``ScheduleOptions/missedAfter`` is left out.
    public static let none = CatchUp(count: 0)
    /// The last of them.
    public static let last = CatchUp(count: 1)
    /// The last ones, oldest first. 1 to ``Limits/page``.
    public static func all(atMost count: Int) -> CatchUp { CatchUp(count: count) }
  }

  /// How late a slot may be that ``CatchUp/none`` still makes: a minute.
  public static let missedAfter: Duration = .seconds(60)
  static let maxJitter: Duration = .seconds(86_400)

  public var overlap: Overlap = .queue
  public var catchUp: CatchUp = .last
  /// Spreads schedules of the same rule over this time: each is later than its slots by a part of it that its name decides, always the same.
  /// Whole seconds, at most a day; 0.
  public var jitter: Duration = .zero
  /// Of each task: queue, priority, `maxAttempts`, `retry`, headers, limit. What is nil is as the payload's type says. Due time, deadline and unique
  /// key are the schedule's own affair and refused; the type's unique key does not count.
  public var task = EnqueueOptions()

  public init() {}

  /// `ScheduleOptions.with { $0.overlap = .skip }`.
  public static func with(_ change: (inout ScheduleOptions) -> Void) -> ScheduleOptions {
    var options = ScheduleOptions()
    change(&options)
    return options
  }

  /// - Throws: `invalidOption`, `invalidName`, `payloadTooLarge`.
  public func validate() throws(TaskQueueError) {
    try task.validate()
    guard task.schedule == .now, task.deadline == nil, task.unique == nil else {
      throw .invalidOption(
        "A schedule's tasks have no due time, deadline or unique key of their own: see ScheduleOptions.overlap."
      )
    }
    guard [.queue, .skip, .replace].contains(overlap) else {
      throw .invalidOption("A schedule's overlap must be queue, skip or replace; got \(overlap.rawValue).")
    }
    guard 0...Limits.page ~= catchUp.count else {
      throw .invalidOption("A schedule makes up for 0 to \(Limits.page) missed slots; got \(catchUp.count).")
    }
    guard jitter >= .zero, jitter <= Self.maxJitter, jitter.components.attoseconds == 0 else {
      throw .invalidOption("A schedule's jitter must be whole seconds, from 0 to a day; got \(jitter).")
    }
  }
}
