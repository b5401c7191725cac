import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Tasks as the arrays that the function `_enqueue_many` takes. An option that no task uses is an empty array.
struct EnqueueBatch {
  /// Bounds of one statement.
  static let maxTasks = 5_000
  static let maxBytes = 16 * 1024 * 1024

  private let tasks: ArraySlice<NewTask>
  private let encoder = JSONEncoder()

  init(_ tasks: ArraySlice<NewTask>) { self.tasks = tasks }

  var count: Int { tasks.count }

  /// Cuts a bulk into batches, in order.
  static func batches(of tasks: [NewTask]) -> [EnqueueBatch] {
    var batches: [EnqueueBatch] = []
    var start = 0
    var bytes = 0
    for (index, task) in tasks.enumerated() {
      if index > start, index - start == maxTasks || bytes + task.payload.count > maxBytes {
        batches.append(EnqueueBatch(tasks[start..<index]))
        start = index
        bytes = 0
      }
      bytes += task.payload.count
    }
    if start < tasks.count { batches.append(EnqueueBatch(tasks[start...])) }
    return batches
  }

  /// The order in which a bulk of several statements locks its unique keys: that of the keys, as within one statement, so that two bulks do
  /// not wait for each other. nil: as they are.
  static func order(of tasks: [NewTask]) -> [Int]? {
    guard tasks.count > 1, tasks.contains(where: { $0.unique != nil }) else { return nil }
    func key(_ index: Int) -> String.UTF8View { (tasks[index].unique?.key ?? "").utf8 }
    return tasks.indices.sorted { one, other in
      if tasks[one].queue != tasks[other].queue {
        return tasks[one].queue.rawValue.utf8.lexicographicallyPrecedes(tasks[other].queue.rawValue.utf8)
      }
      if key(one).lexicographicallyPrecedes(key(other)) { return true }
      return one < other && !key(other).lexicographicallyPrecedes(key(one))
    }
  }

  func parameters(wakes: Bool) throws(TaskQueueError) -> [LibpqValue] {
    var parameters: [LibpqValue] = []
    parameters.reserveCapacity(TaskColumn.all.count + 2)
    // Most often no task has options: then nothing but types and payloads is looked at.
    let special = tasks.indices.filter { tasks[$0].hasOptions }
    for (index, column) in TaskColumn.all.enumerated() {
      let isUsed = index < TaskColumn.requiredCount || special.contains { column.isUsed(by: tasks[$0]) }
      parameters.append(try column.array(of: isUsed ? tasks : [], encoder))
    }
    parameters.append(.bool(wakes))
    let isLimited = special.contains { tasks[$0].limit != nil }
    parameters.append(try TaskColumn.limit.array(of: isLimited ? tasks : [], encoder))
    return parameters
  }
}
