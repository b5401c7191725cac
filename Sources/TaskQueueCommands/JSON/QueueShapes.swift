import TaskQueue
import TaskQueuePostgres

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension JSONValue {
  static func count(_ count: BoundedCount) -> JSONValue {
    ["value": .int(count.value), "isMore": .bool(count.isMore)]
  }

  static func overview(_ overview: QueueOverview, _ throughput: Throughput) -> JSONValue {
    [
      "at": .date(overview.at), "isStandby": .bool(overview.isStandby),
      "queues": .array(overview.queues.map { .queue($0, throughput) }),
      "unsettledEffects": .count(overview.unsettledEffects), "oldestUnsettledAt": .date(overview.oldestUnsettledAt),
    ]
  }

  private static func queue(_ queue: QueueSummary, _ throughput: Throughput) -> JSONValue {
    [
      "queue": .string(queue.queue.rawValue), "pausedSince": .date(queue.pausedSince), "due": .count(queue.due),
      "limited": .count(queue.limited), "running": .count(queue.running), "waiting": .count(queue.waiting),
      "dead": .count(queue.dead), "oldestDueAt": .date(queue.oldestDueAt), "workers": .int(queue.workers),
      "completedPerMinute": .double(throughput.perMinute(queue.queue, failed: false)),
      "failedPerMinute": .double(throughput.perMinute(queue.queue, failed: true)),
    ]
  }

  static func worker(_ worker: WorkerSnapshot) -> JSONValue {
    [
      "id": .string(worker.id.uuidString.lowercased()), "name": .string(worker.name),
      "queues": .array(worker.queues.map { .string($0.rawValue) }),
      "types": .array(worker.types.map { .string($0.rawValue) }),
      "slots": .int(worker.slots), "startedAt": .date(worker.startedAt), "seenAt": .date(worker.seenAt),
      "version": .text(worker.version), "inFlight": .number(worker.inFlight),
      "held": .array(
        worker.held.map { held in
          [
            "task": .id(held.task.rawValue), "type": .string(held.type.rawValue), "attempt": .int(held.attempt),
            "since": .date(held.since),
          ]
        }
      ),
    ]
  }

  static func holder(_ holder: TaskHolder) -> JSONValue {
    ["worker": .string(holder.worker), "since": .date(holder.since), "seenAt": .date(holder.seenAt)]
  }

  static func schedule(_ schedule: TaskSchedule) -> JSONValue {
    [
      "name": .string(schedule.name), "state": .string(schedule.state), "rule": .string(schedule.definition.rule),
      "timeZone": .string(schedule.definition.timeZone), "words": .string(schedule.words),
      "type": .string(schedule.definition.type.rawValue), "queue": .string(schedule.definition.queue.rawValue),
      "nextSlot": .date(schedule.nextSlot), "lastSlot": .date(schedule.lastSlot),
      "lastTask": .id(schedule.lastTask?.rawValue),
      "isDeclared": .bool(schedule.declared != nil), "isChanged": .bool(schedule.isChanged),
      "problem": .text(schedule.problem),
    ]
  }

  static func limit(_ limit: LimitStatus) -> JSONValue {
    [
      "name": .string(limit.rule.name), "isPaused": .bool(limit.isPaused), "concurrency": .int(limit.concurrency),
      "declaredConcurrency": .int(limit.rule.concurrency), "operatorConcurrency": .number(limit.operatorConcurrency),
      "rate": limit.rate.map { .rate($0) } ?? .null, "declaredRate": limit.rule.rate.map { .rate($0) } ?? .null,
      "operatorRate": limit.operatorRate.map { .rate($0) } ?? .null, "isOrdered": .bool(limit.rule.order != .free),
    ]
  }

  static func rate(_ rate: LimitRate) -> JSONValue {
    ["count": .int(rate.count), "seconds": .double(rate.period / .seconds(1)), "burst": .int(rate.burst)]
  }

  static func line(_ line: LimitLine) -> JSONValue {
    [
      "key": .string(line.limit.key), "taken": .count(line.taken), "waiting": .count(line.waiting),
      "pausedUntil": .date(line.pausedUntil), "heldBy": .id(line.heldBy?.rawValue),
    ]
  }

  static func action(_ action: OperatorAction) -> JSONValue {
    [
      "id": .id(action.id), "at": .date(action.at), "actor": .string(action.actor), "role": .string(action.role),
      "verb": .string(action.verb.rawValue), "target": .string(action.target.description),
      "reason": .text(action.reason),
      "request": .json(action.request), "before": .json(action.before), "after": .json(action.after),
      "tasks": .array(action.tasks.map { .id($0.rawValue) }), "taskCount": .int(action.taskCount),
    ]
  }

  static func enqueued(_ result: EnqueueResult) -> JSONValue {
    ["id": .id(result.id.rawValue), "isNew": .bool(result.isNew)]
  }

  static func doctor(_ report: DoctorReport) -> JSONValue {
    [
      "serverVersion": .string(report.serverVersion), "database": .string(report.database),
      "role": .string(report.role),
      "isStandby": .bool(report.isStandby),
      "findings": .array(
        report.findings.map { finding in
          [
            "kind": .string(finding.kind.rawValue), "severity": .string("\(finding.severity)"),
            "subject": .string(finding.subject), "what": .string(finding.what), "advice": .string(finding.advice),
            "cure": .array(finding.cure.map { .string($0) }),
          ]
        }
      ),
      "examined": .array(report.examinations.map { .string($0) }),
      "skipped": .array(report.skipped.map { ["examination": .string($0.examination), "reason": .string($0.reason)] }),
    ]
  }
}

extension TaskSchedule {
  /// In one word.
  var state: String { isPaused ? "paused" : problem != nil ? "broken" : nextSlot == nil ? "new" : "active" }

  /// Its rule for people, without when it comes next.
  var words: String { (try? definition.parsedRule()).map { "\($0)" } ?? definition.rule }
}

/// What workers did lately.
struct Throughput: Sendable {
  /// Whole minutes that are looked back.
  static let minutes = 5

  let counts: [ThroughputCount]

  init(_ counts: [ThroughputCount]) { self.counts = counts }

  /// On average; nil: of all queues.
  func perMinute(_ queue: QueueName?, failed: Bool) -> Double {
    let sum = counts.reduce(0) { sum, count in
      let counts = failed ? ThroughputCount.failures.contains(count.outcome) : count.outcome == "completed"
      return counts && (queue == nil || count.queue == queue) ? sum + count.attempts : sum
    }
    return (Double(sum) / Double(Self.minutes) * 10).rounded() / 10
  }

  /// Attempts per minute and outcome, the latest minute last; by ascending minute.
  func byMinute() -> [(minute: Date, completed: Int, failed: Int)] {
    var minutes: [Date: (Int, Int)] = [:]
    for count in counts {
      if count.outcome == "completed" { minutes[count.minute, default: (0, 0)].0 += count.attempts }
      if ThroughputCount.failures.contains(count.outcome) { minutes[count.minute, default: (0, 0)].1 += count.attempts }
    }
    return minutes.sorted { $0.key < $1.key }.map { ($0.key, $0.value.0, $0.value.1) }
  }
}
