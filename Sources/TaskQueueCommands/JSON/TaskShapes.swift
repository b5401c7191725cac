import TaskQueue

extension JSONValue {
  static func task(_ task: TaskSummary) -> JSONValue {
    [
      "id": .id(task.id.rawValue), "state": .string(task.state.rawValue), "type": .string(task.type.rawValue),
      "queue": .string(task.queue.rawValue), "priority": .int(task.priority), "attempt": .int(task.attempt),
      "failures": .int(task.failures), "crashes": .int(task.crashes), "uniqueKey": .text(task.uniqueKey),
      "limit": task.limit.map { ["name": .string($0.name), "key": .string($0.key), "weight": .int($0.weight)] }
        ?? .null,
      "dueAt": .date(task.dueAt), "leaseUntil": .date(task.leaseUntil), "createdAt": .date(task.createdAt),
      "endedAt": .date(task.endedAt), "lastError": .text(task.lastError), "reason": .text(task.reason?.rawValue),
      "isFlow": .bool(task.isFlow),
    ]
  }

  static func detail(_ detail: TaskDetail, withPayload: Bool) -> JSONValue {
    var fields: [(String, JSONValue)] = [
      ("task", .task(detail.summary)),
      ("deadline", .date(detail.deadline)), ("maxAttempts", .number(detail.maxAttempts)),
      ("isCancelRequested", .bool(detail.isCancelRequested)), ("runsAgain", .bool(detail.runsAgain)),
      ("keptUntil", .date(detail.keptUntil)), ("deathDetail", .text(detail.deathDetail)),
      ("explanation", .explanation(detail.explanation)), ("errors", .array(detail.errors.map { .failure($0) })),
      ("steps", .array(detail.steps.map { .step($0, withValue: withPayload) })),
      ("effects", .array(detail.effects.map { .effect($0, withValue: withPayload) })),
      ("parent", .id(detail.parent?.rawValue)), ("group", .id(detail.group?.rawValue)),
      ("groups", .array(detail.groups.map { .group($0) })), ("children", .array(detail.children.map { .child($0) })),
      ("holder", detail.holder.map { .holder($0) } ?? .null),
      ("workers", .array(detail.workers.map { .string($0.name) })),
      ("actions", .array(detail.actions.map { .action($0) })),
    ]
    if withPayload {
      let headers = detail.headers.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
      fields += [
        ("payload", .json(detail.payload)), ("result", .json(detail.result)), ("headers", .object(headers)),
      ]
    }
    return .object(fields)
  }

  static func failure(_ failure: TaskFailure) -> JSONValue {
    [
      "attempt": .int(failure.attempt), "at": .double(failure.at), "errorType": .string(failure.errorType),
      "message": .string(failure.message),
    ]
  }

  static func explanation(_ explanation: TaskExplanation) -> JSONValue {
    .array(
      zip(explanation.causes, explanation.sentences).map { cause, sentence in
        ["cause": .string(cause.name), "sentence": .string(sentence)]
      }
    )
  }

  static func step(_ step: FlowStep, withValue: Bool) -> JSONValue {
    var fields: [(String, JSONValue)] = [
      ("place", .int(step.place)), ("name", .string(step.name)), ("kind", .string(step.kind.rawValue)),
      ("until", .date(step.until)),
    ]
    if withValue { fields.append(("value", .json(step.value))) }
    return .object(fields)
  }

  static func effect(_ effect: EffectRecord, withValue: Bool) -> JSONValue {
    var fields: [(String, JSONValue)] = [
      ("task", .id(effect.task.rawValue)), ("taskType", .string(effect.taskType.rawValue)),
      ("name", .string(effect.name.rawValue)), ("state", .string(effect.state.rawValue)),
      ("isContradicted", .bool(effect.isContradicted)), ("key", .string(effect.key.rawValue)),
      ("calls", .int(effect.calls)), ("intendedAt", .date(effect.intendedAt)),
      ("ageSeconds", .double((effect.age / .seconds(1)).rounded())), ("code", .text(effect.code)),
      ("reason", .text(effect.reason)),
    ]
    if withValue { fields.append(("value", .json(effect.value))) }
    return .object(fields)
  }

  static func group(_ group: TaskGroupSummary) -> JSONValue {
    [
      "id": .id(group.id.rawValue), "total": .int(group.progress.total), "completed": .int(group.progress.completed),
      "failed": .int(group.progress.failed), "atMost": .number(group.atMost),
      "createdAt": .date(group.progress.createdAt), "finishedAt": .date(group.progress.finishedAt),
    ]
  }

  static func child(_ child: TaskChild) -> JSONValue {
    [
      "group": .id(child.group.rawValue), "member": .int(child.member), "task": .id(child.task?.rawValue),
      "outcome": .text(child.outcome), "endedAt": .date(child.endedAt),
      "state": .text(child.summary?.state.rawValue), "type": .text(child.summary?.type.rawValue),
    ]
  }
}
