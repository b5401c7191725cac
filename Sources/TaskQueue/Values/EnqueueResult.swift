/// What became of one enqueue.
public struct EnqueueResult: Hashable, Sendable {
  public var id: TaskID
  /// false: a task with this unique key exists already; `id` is its id.
  public var isNew: Bool
  public init(id: TaskID, isNew: Bool) {
    self.id = id
    self.isNew = isNew
  }
}
