/// What an ``AlarmMonitor`` looks for, and how often.
public struct AlarmMonitorConfiguration: Sendable {
  /// Written to the store at the start; rules of other types stay as they are.
  public var rules: [AlarmRule]
  /// An effect without a known outcome is reported after this; 15 minutes. Parked ones are at once.
  public var unknownAfter: Duration = .seconds(900)
  /// The wait between two pages; 10 seconds. Above zero.
  public var interval: Duration = .seconds(10)
  /// Live tasks per page, 1 to 100,000; 10,000 (some 10 ms of the server's time).
  public var pageSize: Int = 10_000
  /// Overdue tasks reported per type, 1 to ``Limits/page``; 100. All are counted.
  public var reportLimit: Int = 100

  public init(rules: [AlarmRule] = []) { self.rules = rules }

  /// - Throws: `invalidName`, `invalidOption`.
  public func validate() throws(TaskQueueError) {
    for rule in rules { try rule.validate() }
    guard Set(rules.map(\.type)).count == rules.count else {
      throw .invalidOption("A task type has two alarm rules; give it one.")
    }
    guard interval > .zero, unknownAfter >= .zero, unknownAfter <= Limits.delay else {
      throw .invalidOption(
        "An alarm monitor's interval must be above zero, its unknownAfter not below and at most \(Limits.delay)."
      )
    }
    guard 1...100_000 ~= pageSize, 1...Limits.page ~= reportLimit else {
      throw .invalidOption("An alarm monitor's pageSize must be in 1 … 100000, its reportLimit in 1 … \(Limits.page).")
    }
  }
}
