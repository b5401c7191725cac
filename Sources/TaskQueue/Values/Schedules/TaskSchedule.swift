#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A schedule as the store has it.
public struct TaskSchedule: Sendable {
  public let name: String
  public let definition: ScheduleDefinition
  /// What programs declare; nil: none does. ``ScheduleClient/reset(_:)`` goes back to it.
  public let declared: ScheduleDefinition?
  /// People have changed it since programs declared it.
  public let isChanged: Bool
  public let isPaused: Bool
  /// The slot whose task is made next; nil: paused, broken, over, or about to be planned by a worker.
  public let nextSlot: Date?
  /// The slot of the task that was made last, and that task.
  public let lastSlot: Date?
  public let lastTask: TaskID?
  /// Why workers cannot plan it, such as a rule stored by SQL that cannot be read; nil: nothing is wrong.
  public let problem: String?

  @_spi(Store)
  public init(
    name: String,
    definition: ScheduleDefinition,
    declared: ScheduleDefinition?,
    isChanged: Bool,
    isPaused: Bool,
    nextSlot: Date?,
    lastSlot: Date?,
    lastTask: TaskID?,
    problem: String?
  ) {
    self.name = name
    self.definition = definition
    self.declared = declared
    self.isChanged = isChanged
    self.isPaused = isPaused
    self.nextSlot = nextSlot
    self.lastSlot = lastSlot
    self.lastTask = lastTask
    self.problem = problem
  }

  /// For people: "every day at 03:00 (Europe/Berlin), next in 4 h".
  public func description(at now: Date = Date()) -> String {
    if let problem { return problem }
    guard let rule = try? definition.parsedRule() else { return definition.rule }
    if isPaused { return "\(rule), paused" }
    guard let nextSlot else { return "\(rule)" }
    return "\(rule), next in \(ScheduleRule.Words.span(nextSlot.timeIntervalSince(now)))"
  }
}

/// The slot for which a schedule made a task.
public struct ScheduledSlot: Hashable, Sendable {
  /// The schedule's name.
  public let schedule: String
  /// The instant of its rule: not when the task was made or started, which may be later.
  public let instant: Date

  package static let nameHeader = "taskqueue-schedule"
  package static let slotHeader = "taskqueue-scheduled-for"

  /// nil: a task of no schedule.
  package init?(headers: [String: String]) {
    guard let schedule = headers[Self.nameHeader],
      let seconds = headers[Self.slotHeader].flatMap({ ScheduleRule.Words.instant($0) })
    else { return nil }
    self.schedule = schedule
    instant = Date(timeIntervalSince1970: Double(seconds))
  }

  package static func headers(schedule: String, slot: Date) -> [String: String] {
    [nameHeader: schedule, slotHeader: ScheduleRule.Words.utc(ScheduleRule.seconds(slot))]
  }
}
