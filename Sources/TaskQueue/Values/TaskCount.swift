/// How many live tasks of one type a queue has in one state.
public struct TaskCount: Hashable, Sendable {
  public var queue: QueueName
  public var type: TaskType
  public var state: TaskState
  public var count: Int

  public init(queue: QueueName, type: TaskType, state: TaskState, count: Int) {
    self.queue = queue
    self.type = type
    self.state = state
    self.count = count
  }
}
