/// Which tasks ``TaskClient/deleteDuplicates(_:)`` removes.
public struct DuplicateFilter: Sendable {
  /// Only tasks older than (with a lower id than) this one.
  public var olderThan: TaskID
  public var type: TaskType
  /// A top-level property of the JSON payload …
  public var property: String
  /// … and its value as text: `42`, `true`, `abc`.
  public var value: String
  /// Only tasks with this priority or a less urgent one (a greater or equal number).
  public var minPriority: Int

  public init(olderThan: TaskID, type: TaskType, property: String, value: String, minPriority: Int = Int(Int16.min)) {
    self.olderThan = olderThan
    self.type = type
    self.property = property
    self.value = value
    self.minPriority = minPriority
  }
}
