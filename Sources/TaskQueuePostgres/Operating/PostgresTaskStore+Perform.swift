import Libpq
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension PostgresTaskStore {
  /// What the public functions do, they also write down; what is more than one call is a transaction that ends with its line.
  public func perform(
    _ request: OperatorRequest,
    noting note: OperatorNote
  ) async throws(TaskQueueError) -> OperatorOutcome {
    switch request {
    case .cancel(let id):
      return .cancelled(try cancellation(try await noted(statements.cancel(.int8(id.rawValue)), note), of: id))
    case .retry(let id):
      let result = RetryResult(rawValue: try text(try await noted(operatingStatements.retry(.int8(id.rawValue)), note)))
      guard result.rawValue != "unknown" else {
        throw TaskQueueError(.unknownTask, "There never was a task with id \(id).")
      }
      return .retried(result)
    case .runNow(let id, let attempt):
      let expected = attempt.map { LibpqValue.int4(Int32(clamping: $0)) } ?? .null
      return .answered(try answer(try await noted(operatingStatements.runNow(.int8(id.rawValue), expected), note)))
    case .pauseQueue(let queue):
      _ = try await noted(statements.pause(.text(queue.rawValue)), note)
      return .done
    case .resumeQueue(let queue):
      _ = try await noted(statements.resume(.text(queue.rawValue)), note)
      return .done
    case .resolveEffect(let name, let task, let resolution):
      let result = try await noted(resolutionStatement(name, of: task, as: resolution), note)
      return .resolved(EffectResolutionResult(rawValue: try text(result)))
    case .changeLimit(let limit, let change):
      let statement = statement(limit, change)
      try await changing(limit) { () async throws(TaskQueueError) in try await noted(statement, note) }
      return .done
    case .pauseLimit(let limit, let duration):
      try requireKnown(limit.name, try await noted(pauseStatement(limit, for: duration), note))
      return .done
    case .pauseSchedule(let name):
      return .answered(try answer(try await noted(scheduleStatements.pause(.text(name)), note)))
    case .resumeSchedule(let name):
      return .answered(try answer(try await noted(scheduleStatements.resume(.text(name)), note)))
    case .resetSchedule(let name):
      return .answered(try answer(try await noted(scheduleStatements.reset(.text(name)), note)))
    case .removeSchedule(let name):
      return .answered(try answer(try await noted(scheduleStatements.remove(.text(name)), note)))
    case .redrive, .purge, .enqueue, .emit, .setSchedule, .runSchedule, .backfillSchedule:
      return try await transaction(note) { transaction throws(TaskQueueError) in
        try await self.perform(request, in: transaction)
      }
    }
  }

  private func perform(
    _ request: OperatorRequest,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> OperatorOutcome {
    switch request {
    case .redrive(let filter, let cursor):
      let page = try redrivenPage(try await query(redriveStatement(filter, from: cursor), in: transaction))
      try await journal(.redrive, filter, page, in: transaction)
      return .walked(page)
    case .purge(let filter, let cursor):
      let page = try purgedPage(try await query(purgeStatement(filter, from: cursor), in: transaction))
      try await journal(.purge, filter, page, in: transaction)
      return .walked(page)
    case .enqueue(let task):
      let results = try await enqueue([task], in: transaction)
      let line = JournalLine(.enqueue, .task(results[0].id), tasks: [results[0].id])
      try await journal(
        line.asking(["queue": .text(task.queue.rawValue), "type": .text(task.type.rawValue)])
          .ending(["isNew": .truth(results[0].isNew)]),
        in: transaction
      )
      return .enqueued(results)
    case .emit(let event):
      let counts = try answer(try await query(emission(event), in: transaction))
      try await journal(JournalLine(.emit, .event(event.key)).ending(["counts": .truth(counts)]), in: transaction)
      return .answered(counts)
    case .setSchedule(let name, let definition):
      let brief = try await query(operatingStatements.scheduleBrief(.text(name)), in: transaction)
      let before = try read { () throws(LibpqError) in try brief[0].optionalData(0) }
      _ = try await query(try putStatement([(name, definition)], asDeclared: false), in: transaction)
      let line = operatingStatements.journalSchedule(.text(name), before.map { .json($0) } ?? .null)
      _ = try await query(line, in: transaction)
      return .done
    case .runSchedule(let name):
      return try await schedule(.runSchedule, name, runStatement(name), [:], in: transaction)
    case .backfillSchedule(let name, let slots):
      let request: [String: JournalValue] = ["slots": .number(slots.count)]
      let statement = backfillStatement(name, slots: slots)
      return try await schedule(.backfillSchedule, name, statement, request, in: transaction)
    default:
      preconditionFailure("\(request) is one call")
    }
  }

  private func schedule(
    _ verb: OperatorAction.Verb,
    _ name: String,
    _ statement: LibpqStatement,
    _ request: [String: JournalValue],
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> OperatorOutcome {
    let result = try await query(statement, in: transaction)
    let results = try EnqueueResult.results(result, count: result.rowCount)
    if !results.isEmpty {
      let line = JournalLine(verb, .schedule(name), tasks: results.map(\.id).sorted())
        .asking(request).ending(["new": .number(results.count { $0.isNew })])
      try await journal(line, in: transaction)
    }
    return .enqueued(results)
  }

  // MARK: The journal

  /// One pipeline: one round trip, one transaction, for which the function knows who acts.
  private func noted(
    _ statement: LibpqStatement,
    _ note: OperatorNote
  ) async throws(TaskQueueError) -> LibpqResult {
    let noting = operatingStatements.note(.text(note.actor), .text(note.reason ?? ""))
    return try await tryingAgain { () async throws(TaskQueueError) in
      do throws(LibpqError) { return try await isolation.send([noting, statement], through: pool)[1] } catch {
        throw TaskQueueError(error, .unsafe)
      }
    }
  }

  private func transaction(
    _ note: OperatorNote,
    _ body: @Sendable (LibpqTransaction) async throws(TaskQueueError) -> OperatorOutcome
  ) async throws(TaskQueueError) -> OperatorOutcome {
    let noting = operatingStatements.note(.text(note.actor), .text(note.reason ?? ""))
    return try await tryingAgain { () async throws(TaskQueueError) in
      do {
        return try await pool.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
          _ = try await self.query(noting, in: transaction)
          return try await body(transaction)
        }
      } catch let error as TaskQueueError {
        throw error
      } catch let error as LibpqError {
        throw TaskQueueError(error, .unsafe)
      } catch {
        throw TaskQueueError(.storeFailed, "The transaction failed.", underlying: error)
      }
    }
  }

  /// A walk's page that brought none has no line.
  private func journal(
    _ verb: OperatorAction.Verb,
    _ filter: DeadLetterFilter,
    _ page: DeadLetterPage,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) {
    guard !page.ids.isEmpty else { return }
    let line = JournalLine(verb, .deadLetters, tasks: page.ids).asking(filter.journalled)
      .ending(["count": .number(page.ids.count)])
    try await journal(line, in: transaction)
  }

  private func journal(_ line: JournalLine, in transaction: LibpqTransaction) async throws(TaskQueueError) {
    let tasks = line.tasks.prefix(OperatorAction.maxTasks).map(\.rawValue)
    let statement = operatingStatements.journal(
      .text(line.verb.rawValue),
      .text(line.target.description),
      line.request.map { .json($0.json) } ?? .null,
      .null,
      line.after.map { .json($0.json) } ?? .null,
      .int8Array(Array(tasks)),
      .int8(Int64(line.tasks.count))
    )
    _ = try await query(statement, in: transaction)
  }

  private func answer(_ result: LibpqResult) throws(TaskQueueError) -> Bool {
    try read { () throws(LibpqError) in try result[0].bool(0) }
  }
}
