/// How a member of a group has ended.
public struct GroupResult<Value> {
  /// Which one it is, from 0 on, in the order in which they were given.
  public var index: Int
  /// nil: it is gone, and its id is not known any more.
  public var task: TaskID?
  /// What its handler returned, or why it did not.
  public var result: Result<Value, TaskResultError>
  /// Its place among those that have ended, from 1 on: where the next page begins.
  public var place: Int
}

extension GroupResult: Sendable where Value: Sendable {}
