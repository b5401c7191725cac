import TaskQueue

/// Look for events that nobody publishes, now and then for ever: one such task is alive at a time.
struct TendOutbox: TaskPayload {
  static let taskType: TaskType = "payments.outbox"

  static func options(_ schedule: EnqueueOptions.Schedule) -> EnqueueOptions {
    .with {
      $0.queue = PublishEvents.queue
      $0.unique = UniqueKey("payments.outbox")
      $0.schedule = schedule
    }
  }

  /// Where the page before ended.
  var after: Int64 = 0
}
