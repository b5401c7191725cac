#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Everything that is known of one task, live, dead or done: ``TaskClient/detail(of:withPayload:)``.
public struct TaskDetail: Sendable {
  /// Children that are shown, and lines of the journal.
  public static let maxChildren = 100
  public static let maxActions = 50

  public var summary: TaskSummary
  public var headers: [String: String] = [:]
  /// JSON. nil: it was not asked for, or it is done and was not kept.
  public var payload: Data?
  /// What it returned, as JSON. nil: it was not asked for, it has not ended, or it returned nothing.
  public var result: Data?
  /// From then on it is not begun any more.
  public var deadline: Date?
  /// How many attempts may fail. nil: as its handler says.
  public var maxAttempts: Int?
  /// Its worker is asked to stop.
  public var isCancelRequested = false
  /// It runs once more when the attempt under way ends.
  public var runsAgain = false
  /// Until when it is kept: of a done task, or of a finished one whose unique key counts. nil: otherwise.
  public var keptUntil: Date?
  /// The last ``Limits/errorHistory`` errors, oldest first.
  public var errors: [TaskFailure] = []
  /// Of a dead letter: why, in the words of its handler or of the queue.
  public var deathDetail: String?
  /// What a flow has done and waits for, by place, at most ``Limits/page``. Values only with the payload.
  public var steps: [FlowStep] = []
  /// Its calls to other systems, by name, at most ``Limits/page``. Values only with the payload.
  public var effects: [EffectRecord] = []
  /// The flow whose child it is.
  public var parent: TaskID?
  /// The group in which its end is counted; or, of a group's callback, that group. nil also of dead and done ones that are in none any more.
  public var group: GroupID?
  /// Groups of its own children, oldest first, at most ``maxChildren``.
  public var groups: [TaskGroupSummary] = []
  /// The first ``maxChildren`` members of its groups, or of the group whose callback it is; by group and number.
  public var children: [TaskChild] = []
  /// Why it does not run, or that it does.
  public var explanation: TaskExplanation
  /// Workers that serve its queue and know its type; by name, at most ``Limits/page``. Without what they hold.
  public var workers: [WorkerSnapshot] = []
  /// What people did to it, latest first, at most ``maxActions``.
  public var actions: [OperatorAction] = []

  public init(summary: TaskSummary, explanation: TaskExplanation) {
    self.summary = summary
    self.explanation = explanation
  }

  /// The worker that runs it. nil: it does not run, or not for so long that its worker has named it (``WorkerSnapshot/held``).
  public var holder: TaskHolder? {
    if case .running(_, _, _, let holder) = explanation.cause { holder } else { nil }
  }
}

/// A group of tasks and how far it is.
public struct TaskGroupSummary: Hashable, Sendable, Identifiable {
  public var id: GroupID
  public var progress: GroupProgress
  /// So many of them at a time; nil: all.
  public var atMost: Int?

  public init(id: GroupID, progress: GroupProgress, atMost: Int?) {
    self.id = id
    self.progress = progress
    self.atMost = atMost
  }
}

/// A member of a group.
public struct TaskChild: Hashable, Sendable {
  public var group: GroupID
  /// Its number in the group, from 1.
  public var member: Int
  /// nil: it is gone, and its id is not known any more.
  public var task: TaskID?
  /// How it ended: `completed`, the reason of a dead letter, or `gone`. nil: it has not.
  public var outcome: String?
  /// When it ended.
  public var endedAt: Date?
  /// What is there of it now. nil: nothing, as of one that completed and is not kept.
  public var summary: TaskSummary?

  public init(
    group: GroupID,
    member: Int,
    task: TaskID?,
    outcome: String? = nil,
    endedAt: Date? = nil,
    summary: TaskSummary? = nil
  ) {
    self.group = group
    self.member = member
    self.task = task
    self.outcome = outcome
    self.endedAt = endedAt
    self.summary = summary
  }
}
