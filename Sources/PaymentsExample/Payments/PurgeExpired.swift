import TaskQueue

/// Remove what has expired, now and then for ever: one such task is alive at a time.
struct PurgeExpired: TaskPayload {
  static let taskType: TaskType = "payments.purge"

  static var unique: UniqueKey { UniqueKey("payments.purge") }
}
