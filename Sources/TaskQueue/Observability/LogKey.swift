/// Keys of log metadata, in one place.
enum LogKey {
  static let taskID = "task_id"
  static let type = "task_type"
  static let queue = "queue"
  static let attempt = "attempt"
  static let reason = "reason"
  static let error = "error"
  static let count = "count"
  static let wait = "wait"
}
