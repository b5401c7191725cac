import TaskQueue

/// Carries actions out, each under the name of who asked for it and with their reason, so that each has its line in the journal.
struct ActionDesk: Sendable {
  /// Where forms are sent.
  static let path = ["act"]

  let source: DashboardSource

  /// - Throws: ``Refusal`` for what cannot be understood; what the store throws.
  func perform(_ fields: FormFields, by identity: DashboardIdentity) async throws -> ActionReport {
    let action = try DashboardAction(fields)
    return try await source.acts.perform(action, by: identity.name, because: fields.trimmed("why"))
  }
}

/// What became of an action.
struct ActionReport: Sendable, Equatable {
  var verb: OperatorAction.Verb
  /// The store's word for it.
  var outcome: String
  /// Tasks that it changed or made.
  var tasks: [TaskID] = []
  /// How many, where there may be several.
  var count: Int?
  /// It ended at its bound; more are left.
  var isMore = false

  init(
    _ verb: OperatorAction.Verb,
    _ outcome: String = "done",
    tasks: [TaskID] = [],
    count: Int? = nil,
    isMore: Bool = false
  ) {
    self.verb = verb
    self.outcome = outcome
    self.tasks = tasks
    self.count = count
    self.isMore = isMore
  }

  /// As an address carries it to the next page: see ``Saying``.
  var said: String { "\(verb).\(isMore ? "more" : outcome)" }
}

extension TaskClient {
  /// Walks over dead letters end after so many pages of ``Limits/page``: who wants more asks again.
  private static var maxPages: Int { 20 }

  func perform(
    _ action: DashboardAction,
    by actor: String,
    because reason: String?
  ) async throws(TaskQueueError) -> ActionReport {
    let person = operating(as: actor, because: reason)
    try person.validate()
    switch action {
    case .cancel(let task): return ActionReport(.cancel, try await person.cancel(task).rawValue, tasks: [task])
    case .retry(let task): return ActionReport(.retry, try await person.retry(task).rawValue, tasks: [task])
    case .runNow(let task): return ActionReport(.runNow, try await person.runNow(task) ? "done" : "left", tasks: [task])
    case .resolveEffect(let name, let task, let resolution):
      let result = try await person.resolveEffect(name, of: task, as: resolution)
      return ActionReport(.resolveEffect, result.rawValue, tasks: [task])
    case .redrive(let choice):
      return try await walk(.redrive, choice) { filter throws(TaskQueueError) in try await person.redrive(filter).ids }
    case .purge(let choice):
      return try await walk(.purge, choice) { filter throws(TaskQueueError) in try await person.purge(filter).ids }
    case .pauseQueue(let queue):
      try await person.pause(queue)
      return ActionReport(.pauseQueue)
    case .resumeQueue(let queue):
      try await person.resume(queue)
      return ActionReport(.resumeQueue)
    default: return try await perform(action, by: person)
    }
  }

  private func perform(
    _ action: DashboardAction,
    by person: TaskOperator<Store>
  ) async throws(TaskQueueError) -> ActionReport {
    switch action {
    case .setConcurrency(let limit, let concurrency):
      try await person.setLimit(limit, concurrency: concurrency)
      return ActionReport(.setLimit)
    case .setRate(let limit, let rate):
      try await person.setLimit(limit, rate: rate)
      return ActionReport(.setLimit)
    case .pauseLimit(let limit):
      try await person.pauseLimit(limit)
      return ActionReport(.pauseLimit)
    case .pauseLimitFor(let limit, let time):
      try await person.pauseLimit(limit.name, key: limit.key, for: time)
      return ActionReport(.pauseLimitFor)
    case .resumeLimit(let limit):
      try await person.resumeLimit(limit)
      return ActionReport(.resumeLimit)
    case .resetLimit(let limit):
      try await person.resetLimit(limit)
      return ActionReport(.resetLimit)
    case .pauseSchedule(let name):
      try await person.pauseSchedule(name)
      return ActionReport(.pauseSchedule)
    case .resumeSchedule(let name):
      try await person.resumeSchedule(name)
      return ActionReport(.resumeSchedule)
    case .resetSchedule(let name):
      try await person.resetSchedule(name)
      return ActionReport(.resetSchedule)
    case .removeSchedule(let name):
      return ActionReport(.removeSchedule, try await person.removeSchedule(name) ? "done" : "left")
    case .runSchedule(let name):
      let result = try await person.runSchedule(name)
      return ActionReport(.runSchedule, result.isNew ? "done" : "lives", tasks: [result.id])
    case .backfillSchedule(let name, let range):
      let made = try await person.backfillSchedule(name, range).filter(\.isNew).map(\.id)
      return ActionReport(.backfillSchedule, tasks: made, count: made.count)
    default: preconditionFailure("the other verbs are carried out before")
    }
  }

  /// Page by page, so that what the list shows is what is changed, whatever the filter; each page is a line of the journal.
  private func walk(
    _ verb: OperatorAction.Verb,
    _ choice: DeadLetterChoice,
    _ change: (DeadLetterFilter) async throws(TaskQueueError) -> [TaskID]
  ) async throws(TaskQueueError) -> ActionReport {
    switch choice {
    case .these(let ids):
      let changed = try await change(DeadLetterFilter(ids: ids))
      return ActionReport(verb, tasks: changed, count: changed.count)
    case .all(let filter):
      var changed: [TaskID] = []
      var cursor: TaskCursor?
      for _ in 0..<Self.maxPages {
        let page = try await list(filter, after: cursor, limit: Limits.page)
        // The type, which the tasks have anyway, goes into the journal.
        let these = DeadLetterFilter(ids: page.tasks.map(\.id), type: filter.type)
        if !page.tasks.isEmpty { changed += try await change(these) }
        cursor = page.next
        if cursor == nil { break }
      }
      return ActionReport(verb, tasks: changed, count: changed.count, isMore: cursor != nil)
    }
  }
}
