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

  func parameters(wakes: Bool) throws(TaskQueueError) -> [LibpqValue] {
    let hasKeys = tasks.contains { $0.unique != nil }
    return [
      .textArray(tasks.map(\.type.rawValue)),
      .jsonArray(tasks.map(\.payload)),
      .textArray(column(where: { $0.queue != .default }) { $0.queue.rawValue }),
      .int4Array(column(where: { $0.priority != 100 }) { Int32($0.priority) }),
      .intervalArray(column(where: { $0.delay != nil }) { $0.delay }),
      .timestamptzArray(column(where: { $0.instant != nil }) { $0.instant }),
      .textArray(hasKeys ? tasks.map { $0.unique?.key } : []),
      .textArray(hasKeys ? tasks.map { $0.unique?.mode.rawValue } : []),
      .intervalArray(hasKeys ? tasks.map { $0.unique?.periodAfterCompletion } : []),
      // 0 stands for none: an int4[] of the client has no NULL elements.
      .int4Array(column(where: { $0.maxAttempts != nil }) { Int32($0.maxAttempts ?? 0) }),
      .jsonArray(try json(tasks.map { $0.retry })),
      .jsonArray(try json(tasks.map { $0.headers.isEmpty ? nil : $0.headers })),
      .timestamptzArray(column(where: { $0.deadline != nil }) { $0.deadline }),
      .bool(wakes),
    ]
  }

  private func column<Value>(where isUsed: (NewTask) -> Bool, _ value: (NewTask) -> Value) -> [Value] {
    tasks.contains(where: isUsed) ? tasks.map(value) : []
  }

  private func json<Value: Encodable>(_ values: [Value?]) throws(TaskQueueError) -> [Data?] {
    guard values.contains(where: { $0 != nil }) else { return [] }
    do {
      return try values.map { try $0.map { try encoder.encode($0) } }
    } catch {
      throw TaskQueueError(.encodingFailed, "A task's options could not be encoded as JSON.", underlying: error)
    }
  }
}

extension NewTask {
  fileprivate var delay: Duration? {
    if case .after(let delay) = schedule.rule { delay } else { nil }
  }

  fileprivate var instant: Date? {
    if case .at(let instant) = schedule.rule { instant } else { nil }
  }
}
