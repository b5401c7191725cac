import TaskQueue

/// A task that is completed together with one business row.
struct Transactional: TaskPayload {
  static let taskType: TaskType = "bench.transactional"
  var number: Int
}
