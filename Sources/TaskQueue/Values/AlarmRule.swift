/// How long after its creation a task of this type may take until it is final.
public struct AlarmRule: Hashable, Sendable {
  public var type: TaskType
  /// Above zero.
  public var finalWithin: Duration

  public init(_ type: TaskType, finalWithin: Duration) {
    self.type = type
    self.finalWithin = finalWithin
  }

  /// - Throws: `invalidName`, `invalidOption`.
  public func validate() throws(TaskQueueError) {
    try type.validate()
    guard finalWithin > .zero, finalWithin <= Limits.delay else {
      throw .invalidOption("An alarm's finalWithin must be above zero and at most 100 years.")
    }
  }
}
