import TaskQueue

/// The payload of tasks that do nothing: `{"number":1}`.
struct NoOp: TaskPayload {
  static let taskType: TaskType = "bench.noop"
  var number: Int
}
