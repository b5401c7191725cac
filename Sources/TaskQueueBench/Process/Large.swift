import TaskQueue

/// A task with a big payload.
struct Large: TaskPayload {
  static let taskType: TaskType = "bench.large"
  var text: String
}
