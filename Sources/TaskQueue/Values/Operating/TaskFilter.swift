#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Which tasks a list shows. All conditions hold together; without any: every live task.
///
/// A list is of one of three places: live tasks, dead letters (``TaskState/dead``, or a ``reason``), and completed tasks that are kept
/// (``TaskState/done``).
public struct TaskFilter: Hashable, Sendable {
  public static let maxErrorBytes = 1_000

  public var queue: QueueName?
  /// One that ends with `*` stands for all types that begin so: they are looked for among rows, as an error's text is, and not in an index.
  public var type: TaskType?
  /// nil: live, in any state; of dead letters if there is a ``reason``.
  public var state: TaskState?
  /// Enqueued before this instant, by the store's clock.
  public var createdBefore: Date?
  /// Enqueued at this instant or after it.
  public var createdAfter: Date?
  /// Contained in the last error's message (``TaskSummary/lastError``), capital and small ASCII letters alike; 1 to 1,000 UTF-8 bytes. Not of done ones, which have none.
  public var error: String?
  /// Of this limit and key; the weight does not matter. Not of done ones, which keep none.
  public var limit: TaskLimit?
  /// Of dead letters: why they were put aside.
  public var reason: DeadLetterReason?

  /// Every live task.
  public init() {}

  /// `TaskFilter.with { $0.queue = "mail" }`.
  public static func with(_ change: (inout TaskFilter) -> Void) -> TaskFilter {
    var filter = TaskFilter()
    change(&filter)
    return filter
  }

  /// Where the list looks.
  @_spi(Store) public enum Place: String, Hashable, Sendable {
    case live, dead, done
  }

  @_spi(Store) public var place: Place {
    switch state {
    case .dead: .dead
    case .done: .done
    case nil where reason != nil: .dead
    default: .live
    }
  }

  /// - Throws: ``TaskQueueError`` with `invalidName`, or `invalidOption` for conditions that no task can meet together.
  public func validate() throws(TaskQueueError) {
    try queue?.validate()
    try type?.validate()
    try limit?.validate()
    if let error, !(1...Self.maxErrorBytes ~= error.utf8.count) {
      throw .invalidOption("The text of an error to look for must have 1 to \(Self.maxErrorBytes) UTF-8 bytes.")
    }
    if let state, !Self.states.contains(state) {
      let names = Self.states.map(\.rawValue).joined(separator: ", ")
      throw .invalidOption("A task is never \(state); its states: \(names).")
    }
    guard reason == nil || place == .dead else {
      throw .invalidOption("Only dead letters have a reason; leave the state out, or use dead.")
    }
    guard place != .done || (error == nil && limit == nil) else {
      throw .invalidOption("Completed tasks keep neither errors nor their limit.")
    }
  }

  private static let states: [TaskState] = [.waiting, .due, .limited, .running, .finished, .dead, .done]
}
