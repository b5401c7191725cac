#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Why a task does not run, or that it does: ``TaskClient/explain(_:)``.
///
/// ```swift
/// print(try await client.explain(id))   // Its queue reports is paused since 2026-01-01T08:00:00Z.
/// ```
public struct TaskExplanation: Hashable, Sendable, CustomStringConvertible {
  /// One reason. More may come: a `switch` over them is to have a `default`.
  public enum Cause: Hashable, Sendable {
    /// The id was never given out.
    case unknown
    /// Nothing is left of it: completed, deleted, purged, or the transaction that enqueued it did not commit (yet).
    case gone
    /// Completed, and kept for as long as its type or its enqueue asked for (``EnqueueOptions/retain``).
    case done(at: Date, keptUntil: Date)
    /// Completed, and kept for its unique key.
    case finished(keyUntil: Date)
    /// Put aside; ``TaskClient/redrive(_:)`` makes it live again.
    case dead(DeadLetterReason, detail: String?, lastError: String?, at: Date)
    /// A worker holds it. holder: which one, if it has run for so long that its worker has reported it; a claim does not record it, since each would
    /// cost more. workers: the live ones that serve its queue and type, by name, at most 10.
    case running(attempt: Int, leaseUntil: Date, workers: [String], holder: TaskHolder?)
    /// Its worker died or lost it; the next claim takes it over.
    case leaseEnded(attempt: Int, at: Date)
    /// It was enqueued for later.
    case delayed(until: Date)
    /// A flow that sleeps (``TaskContext/sleep(_:_:for:)``). Of several waits up to ``maxNames`` are told, the first to end first.
    case sleeping(step: String, until: Date)
    /// A flow that waits for an event (``TaskContext/event(_:as:timeout:)``); nil: for ever.
    case event(String, until: Date?)
    /// A flow that waits for its children (``TaskContext/children(_:_:number:atMost:options:)``): so many have ended. until nil: without an end.
    case children(GroupID, ended: Int, of: Int, until: Date?)
    /// A member of a group of which only so many run at a time; or its callback, which waits for all others.
    case turn(GroupID, isCallback: Bool)
    /// It waits for another attempt, after so many.
    case retrying(afterAttempt: Int, until: Date, lastError: String?)
    case queuePaused(QueueName, since: Date)
    case noWorker(QueueName)
    /// So many workers serve the queue; they leave it for one that knows the type.
    case noWorkerForType(TaskType, QueueName, workers: Int)
    /// Due tasks of its queue that the same workers take first; counted to ``maxCount``.
    case behind(count: Int, isMore: Bool)
    /// Due, and nothing comes before it.
    case next
    case limitPaused(TaskLimit)
    /// Its key is paused for a time (``TaskContext/pause(_:key:for:)``).
    case limitClosed(TaskLimit, until: Date)
    /// The limit's rate admits the next one of its key, by that one's weight, then; or has admitted this one, to start then.
    case limitRate(TaskLimit, at: Date, isAdmitted: Bool)
    /// A dead letter holds up the line (``LimitRule/AfterDeadLetter/hold``).
    case limitHeld(TaskLimit, deadLetter: TaskID)
    /// An earlier task of an ordered limit waits for its next attempt.
    case limitWaits(TaskLimit, task: TaskID, until: Date)
    /// In line for a slot, in that place from 1; counted to ``maxCount``.
    case limited(TaskLimit, place: Int, isMore: Bool, taken: Int, slots: Int, holders: [SlotHolder])
    /// The claim that takes it makes it a dead letter. One in line for a limit first has to get a slot, but is charged for nothing.
    case deadlinePassed(at: Date)
    /// While it runs its worker is told; otherwise the next claim makes it a dead letter.
    case cancelRequested(isRunning: Bool)
    /// Marked to run once more after the attempt under way.
    case runsAgain
    /// What a newer schema says, in its words.
    case other(String)
  }

  /// A task with a slot of a limit.
  public struct SlotHolder: Hashable, Sendable {
    public var task: TaskID
    /// The end of its lease; nil: it is not running now.
    public var until: Date?

    public init(task: TaskID, until: Date?) {
      self.task = task
      self.until = until
    }
  }

  /// Tasks are counted so far and no further.
  public static let maxCount = 1_000
  /// Slot holders and workers that are named.
  public static let maxNames = 10

  public var id: TaskID
  /// At least one: the one that counts most first. The others hold besides, and may keep it once the first is gone.
  public var causes: [Cause]

  public init(id: TaskID, causes: [Cause]) {
    precondition(!causes.isEmpty, "an explanation has a cause")
    self.id = id
    self.causes = causes
  }

  /// The one that counts most.
  public var cause: Cause { causes[0] }
  /// For people: a sentence for each cause, in their order.
  public var sentences: [String] { causes.map(\.sentence) }
  public var description: String { sentences.joined(separator: " ") }
}

extension TaskExplanation.Cause {
  /// As the function `explain` of the schema writes it.
  var sentence: String {
    switch self {
    case .unknown: "There never was a task with this id."
    case .gone:
      "Nothing is left of it: it completed, or was deleted or purged, or the transaction that enqueued it did not commit (yet)."
    case .done(let at, let until): "It completed at \(Self.utc(at)), and is kept until \(Self.utc(until))."
    case .finished(let keyUntil): "It completed; it is kept because its unique key counts until \(Self.utc(keyUntil))."
    case .dead(let reason, let detail, let lastError, let at):
      """
      It is a dead letter (\(reason)) since \(Self.utc(at))\(detail.map { ": \(Self.unended($0))" } ?? "")\
      \(lastError.map { "; the last error: \(Self.unended($0))" } ?? ""). It stays until it is retried or purged.
      """
    case .running(let attempt, let until, let workers, let holder):
      "A worker runs attempt \(attempt) of it, and holds it until \(Self.utc(until)) unless it renews that."
        + (holder.map { " By its report of \(Self.utc($0.seenAt)) it is \($0.worker), since \(Self.utc($0.since))." }
          ?? (workers.isEmpty ? "" : " It is one of: \(workers.joined(separator: ", "))."))
    case .leaseEnded(let attempt, let at):
      "The lease of attempt \(attempt) ended at \(Self.utc(at)) without an outcome: the next claim takes it over."
    case .delayed(let until): "It is not to run before \(Self.utc(until))."
    case .sleeping(let step, let until): "Its step \(step) sleeps until \(Self.utc(until))."
    case .event(let key, let until):
      "It waits for the event \(key)\(until.map { ", at most until \(Self.utc($0))" } ?? "")."
    case .children(_, let ended, let total, let until):
      """
      It waits for its children: \(ended) of \(total) have ended\(until.map { "; at most until \(Self.utc($0))" } ?? "").
      """
    case .turn(let group, isCallback: true): "It waits until all others of the group \(group) have ended."
    case .turn(let group, isCallback: false): "It waits for its turn in the group \(group)."
    case .retrying(let attempt, let until, let lastError):
      "It waits until \(Self.utc(until)) for its next attempt, after \(attempt)."
        + (lastError.map { " The last error: \(Self.unended($0))." } ?? "")
    case .queuePaused(let queue, let since): "Its queue \(queue) is paused since \(Self.utc(since))."
    case .noWorker(let queue): "No worker serves its queue \(queue)."
    case .noWorkerForType(let type, let queue, let count):
      "Workers serve its queue \(queue) (\(count)), but none has a handler of its type \(type)."
    case .behind(let count, let isMore):
      "Due tasks of its queue that come before it: \(isMore ? "more than " : "")\(count)."
    case .next: "It is next: a worker takes it as soon as it has a free slot."
    case .limitPaused(let limit): "Its limit \(limit.name) is paused."
    case .limitClosed(let limit, let until): "Its limit \(limit) is paused until \(Self.utc(until))."
    case .limitRate(let limit, let at, isAdmitted: false):
      "Its limit \(limit) has a rate: it admits the next one at \(Self.utc(at))."
    case .limitRate(let limit, let at, isAdmitted: true):
      "Its limit \(limit) has a rate, and has admitted it for \(Self.utc(at))."
    case .limitHeld(let limit, let letter):
      "The dead letter \(letter) holds up those behind it in its limit \(limit), until it is retried or purged."
    case .limitWaits(let limit, let task, let until):
      "Its limit \(limit) is ordered, and the task \(task) before it waits for its next attempt until \(Self.utc(until))."
    case .limited(let limit, let place, let isMore, let taken, let slots, let holders):
      """
      It waits in line for its limit \(limit), \(isMore ? "behind more than" : "in place") \(place); \(taken) of \(slots) slots are taken\
      \(holders.isEmpty ? "" : ": ")\(holders.map(Self.words).joined(separator: ", ")).
      """
    case .deadlinePassed(let at):
      "Its deadline \(Self.utc(at)) has passed: the claim that takes it makes it a dead letter."
    case .cancelRequested(isRunning: true): "Its cancellation was asked for, and its worker is told."
    case .cancelRequested: "Its cancellation was asked for: the next claim makes it a dead letter."
    case .runsAgain: "It is marked to run once more after this attempt."
    case .other(let sentence): sentence
    }
  }

  private static func words(_ holder: TaskExplanation.SlotHolder) -> String {
    "task \(holder.task)" + (holder.until.map { " until \(utc($0))" } ?? "")
  }

  /// Text of others within a sentence, which has an end of its own.
  private static func unended(_ text: String) -> String {
    var text = Substring(text)
    while let last = text.unicodeScalars.last, last == "." || last == " " { text.unicodeScalars.removeLast() }
    return String(text)
  }

  private static func utc(_ date: Date) -> String {
    ScheduleRule.Words.utc(Int64(max(-1e11, min(1e12, date.timeIntervalSince1970)).rounded(.down)))
  }
}
