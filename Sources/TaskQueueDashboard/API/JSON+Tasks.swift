import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension JSON {
  static func json(_ count: BoundedCount) -> JSON { ["value": .int(count.value), "isMore": .bool(count.isMore)] }
  static func json(_ limit: TaskLimit) -> JSON {
    ["name": .text(limit.name), "key": .text(limit.key), "weight": .int(limit.weight)]
  }
  private static func id(_ task: TaskID) -> JSON { .number(task.rawValue) }

  static func json(_ overview: QueueOverview) -> JSON {
    [
      "at": .at(overview.at), "isStandby": .bool(overview.isStandby),
      "unsettledEffects": .json(overview.unsettledEffects),
      "oldestUnsettledAt": overview.oldestUnsettledAt.map { .at($0) },
      "queues": .array(
        overview.queues.map { queue in
          [
            "queue": .text(queue.queue.rawValue), "pausedSince": queue.pausedSince.map { .at($0) },
            "due": .json(queue.due),
            "limited": .json(queue.limited), "running": .json(queue.running), "waiting": .json(queue.waiting),
            "dead": .json(queue.dead), "oldestDueAt": queue.oldestDueAt.map { .at($0) }, "workers": .int(queue.workers),
          ]
        }
      ),
    ]
  }

  static func json(_ page: TaskPage) -> JSON {
    [
      "tasks": .array(page.tasks.map { .json($0) }), "next": page.next.map { .text($0.description) },
      "lookedAt": .int(page.lookedAt),
    ]
  }

  static func json(_ task: TaskSummary) -> JSON {
    [
      "id": id(task.id), "queue": .text(task.queue.rawValue), "type": .text(task.type.rawValue),
      "state": .text(task.state.rawValue), "priority": .int(task.priority), "attempt": .int(task.attempt),
      "failures": .int(task.failures), "crashes": .int(task.crashes), "uniqueKey": task.uniqueKey.map { .text($0) },
      "limit": task.limit.map { .json($0) }, "dueAt": task.dueAt.map { .at($0) },
      "leaseUntil": task.leaseUntil.map { .at($0) }, "createdAt": .at(task.createdAt),
      "endedAt": task.endedAt.map { .at($0) }, "lastError": task.lastError.map { .text($0) },
      "reason": task.reason.map { .text($0.rawValue) }, "isFlow": .bool(task.isFlow),
    ]
  }

  /// - Parameter showsHeaders: they were asked for, as the payload was.
  static func json(_ detail: TaskDetail, showsHeaders: Bool) -> JSON {
    let headers = detail.headers.sorted { $0.key < $1.key }.map { (name: $0.key, value: JSON?.some(.text($0.value))) }
    return [
      "task": .json(detail.summary), "explanation": .json(detail.explanation),
      "deadline": detail.deadline.map { .at($0) }, "maxAttempts": detail.maxAttempts.map { .int($0) },
      "isCancelRequested": .bool(detail.isCancelRequested), "runsAgain": .bool(detail.runsAgain),
      "holder": detail.holder.map { .json($0) }, "keptUntil": detail.keptUntil.map { .at($0) },
      "deathDetail": detail.deathDetail.map { .text($0) },
      "errors": .array(detail.errors.map { .json($0) }), "steps": .array(detail.steps.map { .json($0) }),
      "effects": .array(detail.effects.map { .json($0) }), "parent": detail.parent.map { id($0) },
      "group": detail.group.map { .number($0.rawValue) }, "groups": .array(detail.groups.map { .json($0) }),
      "children": .array(detail.children.map { .json($0) }), "workers": .array(detail.workers.map { .json($0) }),
      "actions": .array(detail.actions.map { .json($0) }), "payload": detail.payload.map { .stored($0) },
      "result": detail.result.map { .stored($0) }, "headers": showsHeaders ? .object(headers) : nil,
    ]
  }

  static func json(_ explanation: TaskExplanation) -> JSON {
    [
      "id": id(explanation.id), "sentences": .array(explanation.sentences.map { .text($0) }),
      "causes": .array(zip(explanation.causes, explanation.sentences).map { .json($0, $1) }),
    ]
  }

  /// What it is about is where one can do something about it.
  private static func json(_ cause: TaskExplanation.Cause, _ sentence: String) -> JSON {
    let subject = cause.subject
    return [
      "cause": .text(cause.name), "sentence": .text(sentence), "queue": subject.queue.map { .text($0.rawValue) },
      "limit": subject.limit.map { .json($0) },
      "tasks": subject.tasks.isEmpty ? nil : .array(subject.tasks.map { id($0) }),
      "until": subject.until.map { .at($0) },
    ]
  }

  private static func json(_ failure: TaskFailure) -> JSON {
    [
      "attempt": .int(failure.attempt), "at": .at(Date(timeIntervalSince1970: failure.at)),
      "message": .text(failure.message), "errorType": .text(failure.errorType),
    ]
  }

  private static func json(_ step: FlowStep) -> JSON {
    [
      "name": .text(step.name), "kind": .text(step.kind.rawValue), "place": .int(step.place),
      "until": step.until.map { .at($0) }, "value": step.value.map { .stored($0) },
    ]
  }

  private static func json(_ group: TaskGroupSummary) -> JSON {
    [
      "id": .number(group.id.rawValue), "total": .int(group.progress.total),
      "completed": .int(group.progress.completed),
      "failed": .int(group.progress.failed), "createdAt": .at(group.progress.createdAt),
      "finishedAt": group.progress.finishedAt.map { .at($0) }, "atMost": group.atMost.map { .int($0) },
    ]
  }

  private static func json(_ child: TaskChild) -> JSON {
    [
      "group": .number(child.group.rawValue), "member": .int(child.member), "task": child.task.map { id($0) },
      "outcome": child.outcome.map { .text($0) }, "endedAt": child.endedAt.map { .at($0) },
      "summary": child.summary.map { .json($0) },
    ]
  }

  static func json(_ effect: EffectRecord) -> JSON {
    [
      "task": id(effect.task), "taskType": .text(effect.taskType.rawValue), "name": .text(effect.name.rawValue),
      "key": .text(effect.key.rawValue), "state": .text(effect.state.rawValue),
      "isContradicted": .bool(effect.isContradicted), "calls": .int(effect.calls), "intendedAt": .at(effect.intendedAt),
      "code": effect.code.map { .text($0) }, "reason": effect.reason.map { .text($0) },
      "value": effect.value.flatMap { $0.isEmpty ? nil : .stored($0) },
    ]
  }

  static func json(_ worker: WorkerSnapshot) -> JSON {
    [
      "id": .text(worker.id.uuidString.lowercased()), "name": .text(worker.name),
      "queues": .array(worker.queues.map { .text($0.rawValue) }),
      "types": .array(worker.types.map { .text($0.rawValue) }),
      "slots": .int(worker.slots), "startedAt": .at(worker.startedAt), "seenAt": .at(worker.seenAt),
      "version": worker.version.map { .text($0) }, "inFlight": worker.inFlight.map { .int($0) },
      "held": .array(
        worker.held.map { held in
          [
            "task": id(held.task), "type": .text(held.type.rawValue), "attempt": .int(held.attempt),
            "since": .at(held.since),
          ]
        }
      ),
    ]
  }

  private static func json(_ holder: TaskHolder) -> JSON {
    ["worker": .text(holder.worker), "since": .at(holder.since), "seenAt": .at(holder.seenAt)]
  }

  static func json(_ action: OperatorAction) -> JSON {
    [
      "id": .number(action.id), "at": .at(action.at), "actor": .text(action.actor), "role": .text(action.role),
      "verb": .text(action.verb.rawValue), "target": .text(action.target.description),
      "reason": action.reason.map { .text($0) }, "request": action.request.map { .stored($0) },
      "before": action.before.map { .stored($0) }, "after": action.after.map { .stored($0) },
      "tasks": .array(action.tasks.map { id($0) }), "taskCount": .int(action.taskCount),
    ]
  }

  static func json(_ report: ActionReport) -> JSON {
    [
      "verb": .text(report.verb.rawValue), "outcome": .text(report.outcome),
      "tasks": .array(report.tasks.prefix(1_000).map { id($0) }),
      "taskCount": .int(report.tasks.count), "isMore": .bool(report.isMore),
    ]
  }
}
