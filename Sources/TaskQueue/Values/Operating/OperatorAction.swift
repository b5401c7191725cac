#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// One line of the journal of what people did: who, when, what, why, and what was before and after. Lines are only added
/// (``TaskClient/operatorActions(before:about:limit:)``), and dropped when ``RetentionConfiguration/actions`` is over.
public struct OperatorAction: Hashable, Sendable, Identifiable {
  /// What was done: the name of the SQL function that does it. More may come.
  public struct Verb: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    public static let cancel = Verb(rawValue: "cancel")
    public static let retry = Verb(rawValue: "retry")
    public static let runNow = Verb(rawValue: "run_now")
    public static let redrive = Verb(rawValue: "redrive")
    public static let purge = Verb(rawValue: "purge")
    public static let enqueue = Verb(rawValue: "enqueue")
    public static let emit = Verb(rawValue: "emit")
    public static let resolveEffect = Verb(rawValue: "resolve_effect")
    public static let pauseQueue = Verb(rawValue: "pause_queue")
    public static let resumeQueue = Verb(rawValue: "resume_queue")
    public static let setLimit = Verb(rawValue: "set_limit")
    public static let pauseLimit = Verb(rawValue: "pause_limit")
    public static let pauseLimitFor = Verb(rawValue: "pause_limit_for")
    public static let resumeLimit = Verb(rawValue: "resume_limit")
    public static let resetLimit = Verb(rawValue: "reset_limit")
    public static let setSchedule = Verb(rawValue: "schedule_put")
    public static let pauseSchedule = Verb(rawValue: "schedule_pause")
    public static let resumeSchedule = Verb(rawValue: "schedule_resume")
    public static let resetSchedule = Verb(rawValue: "schedule_reset")
    public static let removeSchedule = Verb(rawValue: "schedule_remove")
    public static let runSchedule = Verb(rawValue: "schedule_run")
    public static let backfillSchedule = Verb(rawValue: "schedule_backfill")
  }

  /// Ascends in the order in which actions began.
  public var id: Int64
  /// When, by the store's clock.
  public var at: Date
  /// Who, as the program that did it says: ``TaskClient/operating(as:because:)``, or the setting `taskqueue.actor`.
  public var actor: String
  /// The role of the database that did it, which no program can choose. In memory: empty.
  public var role: String
  public var verb: Verb
  public var target: OperatorTarget
  /// Why, as the person says. nil: not given.
  public var reason: String?
  /// What was asked for, as a JSON object: `{"concurrency": 3}`, the filter of a redrive. nil: the verb says it all.
  public var request: Data?
  /// What is known of the target from before, as a JSON object. nil: nothing, or there was none.
  public var before: Data?
  /// What became of it, as a JSON object, such as `{"result": "cancelled"}`. Never a payload.
  public var after: Data?
  /// The tasks that it changed or made, by ascending id, the first ``maxTasks``.
  public var tasks: [TaskID]
  /// How many it changed or made.
  public var taskCount: Int

  public static let maxTasks = 1_000

  public init(
    id: Int64,
    at: Date,
    actor: String,
    role: String,
    verb: Verb,
    target: OperatorTarget,
    reason: String? = nil,
    request: Data? = nil,
    before: Data? = nil,
    after: Data? = nil,
    tasks: [TaskID] = [],
    taskCount: Int = 0
  ) {
    self.id = id
    self.at = at
    self.actor = actor
    self.role = role
    self.verb = verb
    self.target = target
    self.reason = reason
    self.request = request
    self.before = before
    self.after = after
    self.tasks = tasks
    self.taskCount = taskCount
  }
}

/// What an action is about: `task/7`, `queue/mail`.
public struct OperatorTarget: Hashable, Sendable, CustomStringConvertible {
  /// The kind, a slash, and the name.
  public let description: String

  /// For what a newer version wrote.
  public init(_ description: String) { self.description = description }

  public static func task(_ id: TaskID) -> OperatorTarget { .init("task/\(id)") }
  public static func queue(_ name: QueueName) -> OperatorTarget { .init("queue/\(name)") }
  /// A limit as a whole, without its keys.
  public static func limit(_ name: String) -> OperatorTarget { .init("limit/\(name)") }
  public static func schedule(_ name: String) -> OperatorTarget { .init("schedule/\(name)") }
  public static func event(_ key: String) -> OperatorTarget { .init("event/\(key)") }
  /// Those that a filter chose: ``OperatorAction/request``.
  public static let deadLetters = OperatorTarget("dead_letters")
}

/// Who does something, and why.
@_spi(Store) public struct OperatorNote: Hashable, Sendable {
  public static let maxActorBytes = 128
  public static let maxReasonBytes = 1_000

  public var actor: String
  public var reason: String?

  public init(actor: String, reason: String?) {
    self.actor = actor
    self.reason = reason
  }

  /// - Throws: ``TaskQueueError`` with `invalidName` or `invalidOption`.
  public func validate() throws(TaskQueueError) {
    guard 1...Self.maxActorBytes ~= actor.utf8.count, !actor.unicodeScalars.contains(where: Self.isControl) else {
      throw .invalidName("Who acts must have 1 to \(Self.maxActorBytes) UTF-8 bytes and no control characters.")
    }
    guard let reason else { return }
    guard reason.utf8.count <= Self.maxReasonBytes, !reason.unicodeScalars.contains("\0") else {
      throw .invalidOption("A reason must have at most \(Self.maxReasonBytes) UTF-8 bytes, without NUL.")
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 0x20 || scalar.value == 0x7F }
}
