import TaskQueue

/// A task whose handler tells when it began.
struct Probe: TaskPayload {
  static let taskType: TaskType = "bench.probe"
  var number: Int
}
