import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Tasks as the rows of a binary COPY into the table, without the function `_enqueue_many`: ids and clock are drawn before, and due times
/// computed here as there. Not for tasks with unique keys or limits, which COPY cannot look up.
struct TaskCopy {
  /// From here on COPY wins over `_enqueue_many`, although it takes five round trips instead of one. CPU per task, client and server: at 100
  /// tasks COPY costs 5 + 10 µs, `_enqueue_many` 3 + 9.5; from 1,000 on the bare COPY moves 1.2 to 1.5 times as many tasks per second as the
  /// bare `INSERT … SELECT unnest`. Measured on 2 busy cores: the crossing is known no better than to a factor of two.
  static let minTasks = 500
  /// Big payloads are better streamed than built into one statement.
  static let minBytes = 1024 * 1024
  /// Tasks of one COPY: bounds the ids held in memory.
  static let maxTasks = 20_000
  /// Bytes handed to the connection at once: two hops between threads for some thousand small tasks, and the server parses one chunk
  /// while the next is encoded.
  static let chunkBytes = 128 * 1024

  let tasks: ArraySlice<NewTask>
  let columns: Columns

  init(_ tasks: ArraySlice<NewTask>) {
    self.tasks = tasks
    columns = Columns(tasks)
  }

  /// Whether these tasks should go this way.
  static func suits(_ tasks: [NewTask]) -> Bool {
    guard tasks.count > 1, !tasks.contains(where: { $0.unique != nil || $0.limit != nil }) else { return false }
    if tasks.count >= minTasks { return true }
    return tasks.reduce(0) { $0 + $1.payload.count } >= minBytes
  }

  /// Cuts a bulk into COPY statements, in order.
  static func slices(of tasks: [NewTask]) -> [TaskCopy] {
    stride(from: 0, to: tasks.count, by: maxTasks).map { start in
      TaskCopy(tasks[start..<min(start + maxTasks, tasks.count)])
    }
  }

  /// What some task has beside type and payload; the table's defaults stand for the rest, and every column costs the server time.
  struct Columns: Sendable {
    let options: [TaskColumn]
    let hasSchedule: Bool
    let hasQueue: Bool

    init(_ tasks: ArraySlice<NewTask>) {
      let special = tasks.indices.filter { tasks[$0].hasOptions }
      options = TaskColumn.options.filter { option in
        option.isCopied && special.contains { option.isUsed(by: tasks[$0]) }
      }
      hasSchedule = special.contains { tasks[$0].schedule != .now }
      hasQueue = options.contains { $0.name == "queue" }
    }

    /// `due_at` and `created_at` always: their defaults are volatile, which keeps COPY from inserting many rows at once, or another clock's.
    var names: [String] {
      ["id", "type", "payload", "due_at", "created_at"] + (hasSchedule ? ["ready"] : []) + options.map(\.name)
    }
  }

  /// Queues that get a task which is due at once.
  func queuesToWake(at now: Date) -> [QueueName] {
    guard columns.hasQueue || columns.hasSchedule else { return [.default] }
    return Array(Set(tasks.lazy.filter { $0.due(at: now) <= now }.map(\.queue)))
  }

  func chunks(ids: [Int64], at now: Date) -> TaskCopyChunks {
    TaskCopyChunks(tasks: tasks, columns: columns, ids: ids, now: now)
  }
}

extension NewTask {
  /// As `_enqueue_many` does it: `greatest(coalesce(due_at, at + delay, at), at)`, in microseconds.
  func due(at now: Date) -> Date {
    switch schedule.rule {
    case .now: now
    case .after(let delay):
      max(now, now.addingTimeInterval((delay / .microseconds(1)).rounded(.towardZero) / 1_000_000))
    case .at(let instant): instant.timeIntervalSinceReferenceDate.isNaN ? instant : max(now, instant)
    }
  }
}
