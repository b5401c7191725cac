import TaskQueue

/// One of a hundred types of which there is never a task.
struct IdleTask<Tens: Digit, Units: Digit>: TaskPayload {
  static var taskType: TaskType { TaskType("bench.idle.\(Tens.value)\(Units.value)") }
}

extension TaskHandlers {
  /// Registers the first of the hundred types.
  mutating func registerIdle(_ count: Int) throws(TaskQueueError) {
    for number in 0..<min(count, 100) { try registerTens(Self.digit(number / 10), Self.digit(number % 10)) }
  }

  private mutating func registerTens(_ tens: any Digit.Type, _ units: any Digit.Type) throws(TaskQueueError) {
    try registerUnits(tens, units)
  }

  private mutating func registerUnits<Tens: Digit>(_: Tens.Type, _ units: any Digit.Type) throws(TaskQueueError) {
    try registerType(IdleTask<Tens, Digit0>.self, units)
  }

  private mutating func registerType<Tens, Units: Digit>(
    _: IdleTask<Tens, Digit0>.Type,
    _: Units.Type
  ) throws(TaskQueueError) {
    try register(IdleTask<Tens, Units>.self) { _, _ in .completed }
  }

  private static func digit(_ value: Int) -> any Digit.Type {
    let digits: [any Digit.Type] = [
      Digit0.self, Digit1.self, Digit2.self, Digit3.self, Digit4.self, Digit5.self, Digit6.self, Digit7.self,
      Digit8.self, Digit9.self,
    ]
    return digits[value]
  }
}
