/// A hint that something changed. Never needed for correctness; may come late, twice, or not at all.
@_spi(Store) public enum StoreHint: Hashable, Sendable {
  /// The queue may have a task to claim.
  case tasksAvailable(QueueName)
  /// Tasks of the queue stand in line for a limit, or have been admitted: promote, and look at everything.
  case lineChanged(QueueName)
  /// Somebody asked to cancel a running task.
  case cancelRequested(TaskID)
  /// A schedule was added, changed or resumed.
  case schedulesChanged
  /// Hints may have been missed; look at everything.
  case resync
}
