/// Keys of log metadata, in one place.
enum LogKey {
  static let taskID = "task_id"
  static let type = "task_type"
  static let queue = "queue"
  static let schedule = "schedule"
  static let attempt = "attempt"
  /// Errors thrown so far, this one among them.
  static let failures = "failures"
  static let reason = "reason"
  static let detail = "detail"
  static let error = "error"
  static let errorType = "error_type"
  static let count = "count"
  /// At most ten of those that ``count`` counts.
  static let types = "task_types"
  static let queues = "queues"
  /// How long until it is tried again.
  static let wait = "wait"
  static let duration = "duration"
  static let limit = "limit"
  /// Of a line that sums up others: the tasks of the first and the last of them.
  static let firstTaskID = "first_task_id"
  static let lastTaskID = "last_task_id"
}
