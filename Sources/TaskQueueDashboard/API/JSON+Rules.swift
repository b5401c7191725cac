import TaskQueue

extension JSON {
  static func json(_ schedule: TaskSchedule) -> JSON {
    let definition = schedule.definition
    return [
      "name": .text(schedule.name), "rule": .text(definition.rule), "timeZone": .text(definition.timeZone),
      "words": .text((try? "\(definition.parsedRule())") ?? definition.rule), "type": .text(definition.type.rawValue),
      "queue": .text(definition.queue.rawValue), "overlap": .text(definition.overlap.rawValue),
      "isPaused": .bool(schedule.isPaused), "isChanged": .bool(schedule.isChanged),
      "isDeclared": .bool(schedule.declared != nil), "nextSlot": schedule.nextSlot.map { .at($0) },
      "lastSlot": schedule.lastSlot.map { .at($0) }, "lastTask": schedule.lastTask.map { .number($0.rawValue) },
      "problem": schedule.problem.map { .text($0) },
    ]
  }

  static func json(_ limit: LimitStatus) -> JSON {
    [
      "name": .text(limit.rule.name), "concurrency": .int(limit.operatorConcurrency ?? limit.rule.concurrency),
      "declaredConcurrency": .int(limit.rule.concurrency), "rate": limit.rate.map { .json($0) },
      "declaredRate": limit.rule.rate.map { .json($0) }, "isOrdered": .bool(limit.rule.order != .free),
      "isPaused": .bool(limit.isPaused),
      "isChanged": .bool(limit.operatorConcurrency != nil || limit.operatorRate != nil),
    ]
  }

  private static func json(_ rate: LimitRate) -> JSON {
    [
      "count": .int(rate.count), "periodMilliseconds": .number(Int64((rate.period / .milliseconds(1)).rounded())),
      "burst": .int(rate.burst),
    ]
  }

  static func json(_ line: LimitLine) -> JSON {
    [
      "name": .text(line.limit.name), "key": .text(line.limit.key), "taken": .json(line.taken),
      "waiting": .json(line.waiting), "pausedUntil": line.pausedUntil.map { .at($0) },
      "heldBy": line.heldBy.map { .number($0.rawValue) },
    ]
  }

  static func json(_ count: ThroughputCount) -> JSON {
    [
      "minute": .at(count.minute), "queue": .text(count.queue.rawValue), "type": .text(count.type.rawValue),
      "outcome": .text(count.outcome), "attempts": .int(count.attempts),
    ]
  }
}
