/// What is known of a claimed task until its outcome is recorded. Small: it is copied for every task.
struct HeldTask: Sendable {
  let token: Int64
  let type: TaskType
  let timeout: Duration?
  var renewedAt: WorkerClock.Instant
  var startedAt: WorkerClock.Instant?
  var cancelReason: CancelReason?
  /// The handler's task while it runs. Only touched under the worker's lock, and taken out before that task ends.
  var handlerTask: HandlerTask?
}

/// A running handler's task, to cancel it.
///
/// Safety: `UnsafeCurrentTask.cancel()` may be called from any thread while the task lives. The worker's lock sees to that:
/// the handle is stored and removed by the task itself under the lock, and used only under the lock.
struct HandlerTask: @unchecked Sendable {
  private let task: UnsafeCurrentTask

  static var current: HandlerTask? { withUnsafeCurrentTask { $0.map(HandlerTask.init(task:)) } }

  func cancel() { task.cancel() }
}
