/// What log lines and metrics say of an attempt: never its payload.
package struct TaskLabel: Hashable, Sendable {
  package let id: TaskID
  package let type: TaskType
  /// nil: not known any more.
  package let queue: QueueName?
  /// From 1; nil: not known any more.
  package let attempt: Int?

  package init(id: TaskID, type: TaskType, queue: QueueName?, attempt: Int?) {
    self.id = id
    self.type = type
    self.queue = queue
    self.attempt = attempt
  }

  init(_ task: ClaimedTask) {
    self.init(id: task.claim.id, type: task.type, queue: task.queue, attempt: task.attempt)
  }
}
