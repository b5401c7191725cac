import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What somebody asks for: a verb of the journal, and what it is about. The same from a form and from the API.
enum DashboardAction: Sendable {
  case cancel(TaskID)
  case retry(TaskID)
  case runNow(TaskID)
  case resolveEffect(EffectName, TaskID, EffectResolution)
  case redrive(DeadLetterChoice)
  case purge(DeadLetterChoice)
  case pauseQueue(QueueName)
  case resumeQueue(QueueName)
  case setConcurrency(String, Int)
  case setRate(String, LimitRate)
  case pauseLimit(String)
  case pauseLimitFor(TaskLimit, Duration)
  case resumeLimit(String)
  case resetLimit(String)
  case pauseSchedule(String)
  case resumeSchedule(String)
  case resetSchedule(String)
  case removeSchedule(String)
  case runSchedule(String)
  case backfillSchedule(String, Range<Date>)

  /// - Throws: ``Refusal`` with what is missing or cannot be read.
  init(_ fields: FormFields) throws(Refusal) {
    guard let verb = fields["verb"] else { throw .invalid("What is to be done? verb is missing.") }
    try Self.requireKnownNames(OperatorAction.Verb(rawValue: verb), fields)
    switch OperatorAction.Verb(rawValue: verb) {
    case .cancel: self = .cancel(try Self.task(fields))
    case .retry: self = .retry(try Self.task(fields))
    case .runNow: self = .runNow(try Self.task(fields))
    case .resolveEffect:
      self = .resolveEffect(
        try Self.effect(fields),
        try Self.task(fields),
        try Self.resolution(fields)
      )
    case .redrive: self = .redrive(try DeadLetterChoice(fields))
    case .purge: self = .purge(try DeadLetterChoice(fields))
    case .pauseQueue: self = .pauseQueue(QueueName(try fields.required("queue")))
    case .resumeQueue: self = .resumeQueue(QueueName(try fields.required("queue")))
    case .setLimit: self = try Self.setLimit(fields)
    case .pauseLimit: self = .pauseLimit(try fields.required("limit"))
    case .pauseLimitFor:
      let limit = TaskLimit(try fields.required("limit"), key: fields["key"] ?? "")
      self = .pauseLimitFor(limit, .seconds(try fields.number("seconds", in: 1...86_400)))
    case .resumeLimit: self = .resumeLimit(try fields.required("limit"))
    case .resetLimit: self = .resetLimit(try fields.required("limit"))
    case .pauseSchedule: self = .pauseSchedule(try fields.required("schedule"))
    case .resumeSchedule: self = .resumeSchedule(try fields.required("schedule"))
    case .resetSchedule: self = .resetSchedule(try fields.required("schedule"))
    case .removeSchedule: self = .removeSchedule(try fields.required("schedule"))
    case .runSchedule: self = .runSchedule(try fields.required("schedule"))
    case .backfillSchedule:
      self = .backfillSchedule(try fields.required("schedule"), try Self.range(fields))
    default: throw .invalid("There is no verb \(verb) here.")
    }
  }

  /// A condition that is misspelt, or that the verb does not have, must not be taken for none: more would be done than was asked for.
  private static func requireKnownNames(_ verb: OperatorAction.Verb, _ fields: FormFields) throws(Refusal) {
    let own: Set<String>
    switch verb {
    case .cancel, .retry, .runNow: own = ["task"]
    case .resolveEffect: own = ["task", "effect", "resolution", "value", "because"]
    case .redrive, .purge: own = TaskFilter.names.union(["task", "all"])
    case .pauseQueue, .resumeQueue: own = ["queue"]
    case .setLimit:
      own = fields["rate"] == nil ? ["limit", "concurrency"] : ["limit", "rate", "periodSeconds", "burst"]
    case .pauseLimit, .resumeLimit, .resetLimit: own = ["limit"]
    case .pauseLimitFor: own = ["limit", "key", "seconds"]
    case .backfillSchedule: own = ["schedule", "from", "to"]
    default: own = ["schedule"]
    }
    let known = own.union(["verb", "why", "token", "back"])
    guard let other = fields.fields.first(where: { !known.contains($0.name) }) else { return }
    throw .invalid("\(verb) has no \(other.name)\(verb == .setLimit ? " here" : ""); nothing was done.")
  }

  private static func task(_ fields: FormFields) throws(Refusal) -> TaskID {
    guard let id = TaskID(number: try fields.required("task").trimmed) else { throw .invalid("task must be a number.") }
    return id
  }

  private static func effect(_ fields: FormFields) throws(Refusal) -> EffectName {
    let name = EffectName(try fields.required("effect"))
    do throws(TaskQueueError) { try name.validate() } catch { throw Refusal(error) }
    return name
  }

  private static func setLimit(_ fields: FormFields) throws(Refusal) -> DashboardAction {
    let name = try fields.required("limit")
    guard fields["rate"] != nil else {
      return .setConcurrency(name, try fields.number("concurrency", in: 1...LimitRule.maxConcurrency))
    }
    let period = try fields.number("periodSeconds", in: 1...8_640_000)
    let burst = fields["burst"] == nil ? 1 : try fields.number("burst", in: 1...10_000)
    return .setRate(name, LimitRate(try fields.number("rate", in: 1...1_000_000), per: .seconds(period), burst: burst))
  }

  private static func resolution(_ fields: FormFields) throws(Refusal) -> EffectResolution {
    let resolution = try fields.required("resolution")
    for (name, own) in [("value", "succeeded"), ("because", "failed")] where resolution != own && fields[name] != nil {
      throw .invalid("\(name) is only there if it \(own); nothing was done.")
    }
    switch resolution {
    case "succeeded":
      guard let value = fields["value"] else {
        throw .invalid(
          "value is missing: what succeeded has one, as JSON. That of a call that returns nothing is null. Nothing was done."
        )
      }
      return .succeeded(Data(value.utf8))
    case "failed": return .failed(reason: fields["because"] ?? "failed, as a person says")
    case "did_not_happen": return .didNotHappen
    default: throw .invalid("resolution must be succeeded, failed or did_not_happen.")
    }
  }

  static func range(_ fields: FormFields) throws(Refusal) -> Range<Date> {
    guard let from = Wording.instant(try fields.required("from").trimmed),
      let to = Wording.instant(try fields.required("to").trimmed)
    else {
      throw .invalid("from and to must be instants in UTC, such as 2026-01-31T04:00.")
    }
    guard from < to else { throw .invalid("from must be before to.") }
    return from..<to
  }
}

/// Which dead letters are meant: some by their ids, or all that a filter shows.
enum DeadLetterChoice: Sendable, Hashable {
  case these([TaskID])
  case all(TaskFilter)

  init(_ fields: FormFields) throws(Refusal) {
    let texts = fields.all("task")
    guard fields["all"] == nil || !fields.fields.contains(where: { $0.name == "task" }) else {
      throw .invalid("Which dead letters? Either those that are named as task, or all.")
    }
    if texts.isEmpty {
      guard fields["all"] == "true" else { throw .invalid("Which dead letters? Name them as task, or say all.") }
      var filter = try TaskFilter(fields)
      guard filter.state == nil || filter.state == .dead else { throw .invalid("Only dead letters can be meant.") }
      if let empty = fields.fields.first(where: { TaskFilter.names.contains($0.name) && $0.value.isEmpty }) {
        throw .invalid("\(empty.name) is empty: leave it out if it does not matter.")
      }
      filter.state = .dead
      self = .all(filter)
    } else {
      let ids = texts.compactMap { TaskID(number: $0) }
      guard ids.count == texts.count, ids.count <= Limits.page else {
        throw .invalid("task must be a number, and there may be \(Limits.page) of them at most.")
      }
      self = .these(ids)
    }
  }
}

extension TaskFilter {
  /// As addresses and the API name its conditions.
  static let names: Set<String> = ["state", "queue", "type", "error", "limit", "key", "reason"]

  /// - Throws: ``Refusal``: a state or reason that there is none of, or a key without its limit, which would be no condition.
  init(_ fields: FormFields) throws(Refusal) {
    self.init()
    try QueryRule.filter.check(fields.only(Self.names), takesEmptyOnes: true)
    guard fields["key"] == nil || fields["limit"] != nil else {
      throw .parameter("key", "key is one of a limit: name it as well.")
    }
    queue = fields["queue"].map { QueueName($0) }
    type = fields["type"].map { TaskType($0) }
    state = fields["state"].map { TaskState(rawValue: $0) }
    error = fields["error"]
    limit = fields["limit"].map { TaskLimit($0, key: fields["key"] ?? "") }
    reason = fields["reason"].map { DeadLetterReason(rawValue: $0) }
  }
}

extension TaskID {
  /// Nil: it can be no task's.
  fileprivate init?(number text: String) {
    guard let id = Int64(text), id >= 0 else { return nil }
    self.init(id)
  }
}

extension FormFields {
  func required(_ name: String) throws(Refusal) -> String {
    guard let value = self[name] else { throw .parameter(name, "\(name) is missing.") }
    return value
  }

  /// - Throws: ``Refusal`` with the bounds.
  func number(_ name: String, in range: ClosedRange<Int>) throws(Refusal) -> Int {
    try QueryRule.Value.number(Int64(range.lowerBound)...Int64(range.upperBound)).check(try required(name), name)
    return number(name).map { Int($0) } ?? range.lowerBound
  }

  /// One that was checked; nil: it is not there.
  func number(_ name: String) -> Int64? { trimmed(name).flatMap { Int64($0) } }
}
