@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One value of a new task. The list of them is the one place that takes a task apart: for the arrays of `_enqueue_many`
/// (``EnqueueBatch``), for COPY (``TaskCopy``), and one by one for `_receive_event` and for other drivers.
struct TaskColumn: Sendable {
  /// How to read the value. nil: the default, as a task without the option has it.
  enum Reader: Sendable {
    case text(@Sendable (NewTask) -> String?)
    case json(isUsed: @Sendable (NewTask) -> Bool, @Sendable (NewTask, JSONEncoder) throws -> Data)
    /// An int4[] of the client has no NULL elements: `absent` stands there for the default.
    case integer(absent: Int32, @Sendable (NewTask) -> Int32?)
    case interval(@Sendable (NewTask) -> Duration?)
    case timestamptz(@Sendable (NewTask) -> Date?)
  }

  let name: String
  let reader: Reader
  /// Whether it is a column of the table that COPY can fill from the task alone: due times need a clock, unique keys a look.
  var isCopied = true
  /// In the table; in statements all integers are `int`.
  var isSmallint = false

  /// In the order in which `_enqueue_many` takes them.
  static let all: [TaskColumn] = [
    TaskColumn(name: "type", reader: .text { $0.type.rawValue }),
    TaskColumn(name: "payload", reader: .json(isUsed: { _ in true }) { task, _ in task.payload }),
    TaskColumn(name: "queue", reader: .text { $0.queue == .default ? nil : $0.queue.rawValue }),
    TaskColumn(
      name: "priority",
      reader: .integer(absent: 100) { $0.priority == 100 ? nil : Int32(clamping: $0.priority) },
      isSmallint: true
    ),
    TaskColumn(name: "delay", reader: .interval { $0.delay }, isCopied: false),
    TaskColumn(name: "due_at", reader: .timestamptz { $0.instant }, isCopied: false),
    TaskColumn(name: "unique_key", reader: .text { $0.unique?.key }, isCopied: false),
    TaskColumn(name: "unique_mode", reader: .text { $0.unique?.mode.rawValue }, isCopied: false),
    TaskColumn(name: "unique_period", reader: .interval { $0.unique?.periodAfterCompletion }, isCopied: false),
    TaskColumn(name: "max_attempts", reader: .integer(absent: 0) { $0.maxAttempts.map { Int32(clamping: $0) } }),
    TaskColumn(name: "retry", reader: .json(isUsed: { $0.retry != nil }) { try $1.encode($0.retry) }),
    TaskColumn(name: "headers", reader: .json(isUsed: { !$0.headers.isEmpty }) { try $1.encode($0.headers) }),
    TaskColumn(name: "deadline", reader: .timestamptz { $0.deadline }),
  ]

  /// The name of its limit and the key, as `_enqueue_many` and others take it after everything else.
  static let limit = TaskColumn(name: "limit_key", reader: .text { $0.limit?.stored }, isCopied: false)

  /// What a task may have beside type and payload (``NewTask/hasOptions``).
  static let options = Array(all.dropFirst(requiredCount))
  /// Type and payload stand first.
  static let requiredCount = 2

  /// Whether the task has something else than the default.
  func isUsed(by task: NewTask) -> Bool {
    switch reader {
    case .text(let read): read(task) != nil
    case .json(let isUsed, _): isUsed(task)
    case .integer(_, let read): read(task) != nil
    case .interval(let read): read(task) != nil
    case .timestamptz(let read): read(task) != nil
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
