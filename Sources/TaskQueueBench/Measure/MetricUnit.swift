/// What a metric counts.
enum MetricUnit: String, Codable, Sendable {
  case tasksPerSecond = "tasks/s"
  case stepsPerSecond = "steps/s"
  case statementsPerSecond = "statements/s"
  case claimsPerTask = "claims/task"
  case milliseconds = "ms"
  case microsecondsPerTask = "µs/task"
  case bytesPerTask = "B/task"
  case bytesPerStep = "B/step"
  case megabytes = "MB"
  /// Of things that the metric names.
  case count

  /// For people; empty where the title says what is counted.
  var text: String { self == .count ? "" : rawValue }

  /// Speeds differ from machine to machine: only their ratio to a reference of the same run can be judged.
  var isSpeed: Bool { self == .tasksPerSecond || self == .stepsPerSecond }
}
