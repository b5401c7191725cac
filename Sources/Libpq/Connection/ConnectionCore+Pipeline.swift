import CLibpq
import Synchronization

extension ConnectionCore {
  /// What a queued command of a pipeline is, in the order of its results.
  enum Step {
    case ahead(PendingStatement)
    case prepare(PreparedStatements.Entry, name: String)
    case execute
  }

  /// Sends what is pending, where it can't go with the next statement.
  func sendPending(_ interruption: Interruption?) throws(LibpqError) {
    guard hasPending else { return }
    var underway = try start([], interruption, nil)
    _ = try answers(to: &underway)
  }

  /// Sends what is pending, all statements and one sync.
  func start(
    _ statements: [LibpqStatement],
    _ interruption: Interruption?,
    _ deadline: CallDeadline?
  ) throws(LibpqError) -> Underway {
    let ahead = status.withLock { $0.pending }
    let sent = ahead.map(\.statement) + statements
    // Everything that can be wrong on this side is found before anything is sent.
    var buffers: [ParameterBuffer] = []
    buffers.reserveCapacity(sent.count)
    for statement in sent {
      try statement.validate()
      buffers.append(try ParameterBuffer(statement.parameters))
    }
    let exchange = try begin(interruption, deadline)
    guard PQenterPipelineMode(handle.pointer) == 1 else { throw sendFailure(exchange) }
    takePending()
    let steps: [Step]
    do throws(LibpqError) {
      steps = try queue(sent, buffers, ahead)
    } catch {
      // Part of the pipeline may be with libpq already, and there is no taking it back.
      finish()
      throw error
    }
    guard PQpipelineSync(handle.pointer) == 1 else { throw sendFailure(exchange, maybeSent: true) }
    return Underway(exchange: exchange, statements: sent, steps: steps)
  }

  /// Reads all results of a pipeline.
  func answers(
    to sent: [LibpqStatement],
    _ steps: [Step],
    _ exchange: inout Exchange
  ) throws(LibpqError) -> [LibpqResult] {
    let collected = try collect(steps, &exchange)
    if PQstatus(handle.pointer) == CONNECTION_OK, PQexitPipelineMode(handle.pointer) != 1 { finish() }
    end(exchange)
    if let error = collected.error {
      for statement in sent { forgetIfStale(statement, error) }
      throw error
    }
    let count = steps.count { if case .execute = $0 { true } else { false } }
    guard collected.results.count == count else {
      finish()
      throw LibpqError(.protocolViolation, "a pipeline of \(count) gave \(collected.results.count) results")
    }
    return collected.results
  }

  private func queue(
    _ statements: [LibpqStatement],
    _ buffers: [ParameterBuffer],
    _ ahead: [PendingStatement]
  ) throws(LibpqError) -> [Step] {
    var steps: [Step] = []
    steps.reserveCapacity(statements.count + 1)
    // Prepared within this pipeline, but not known to have succeeded yet.
    var upcoming = PreparedStatements()
    for (index, statement) in statements.enumerated() {
      let parameters = buffers[index]
      var serverName = try preparedEntry(statement, parameters)?.serverName
      if let name = statement.name, configuration.preparesStatements, serverName == nil {
        let types = parameters.types
        if let entry = try upcoming.entry(name, sql: statement.sql, types: types, nulls: statement.parameters) {
          serverName = entry.serverName
        } else {
          let entry = prepared.newEntry(name, sql: statement.sql, types: types)
          let count = Int32(types.count)
          guard PQsendPrepare(handle.pointer, entry.serverName, statement.sql, count, types) == 1 else {
            throw sendFailure(Exchange())
          }
          upcoming.insert(entry, name: name)
          steps.append(.prepare(entry, name: name))
          serverName = entry.serverName
        }
      }
      guard send(statement, parameters, preparedAs: serverName) else { throw sendFailure(Exchange()) }
      steps.append(index < ahead.count ? .ahead(ahead[index]) : .execute)
    }
    return steps
  }

  private func collect(_ steps: [Step], _ exchange: inout Exchange) throws(LibpqError) -> Collected {
    var collected = Collected()
    collected.results.reserveCapacity(steps.count)
    var position = 0
    while true {
      guard let pointer = try nextResult(&exchange) else {
        // The end of one command's results.
        if PQstatus(handle.pointer) != CONNECTION_OK {
          collected.error = collected.error ?? lost(exchange)
          return collected
        }
        position += 1
        exchange.hasAllAnswers = position == steps.count && collected.error == nil
        // One more if the commit at the pipeline's end failed: a deferred constraint, a serialization failure.
        guard position <= steps.count + (collected.error == nil ? 0 : 1) else {
          finish()
          throw LibpqError(.protocolViolation, "a pipeline gave more results than it has statements")
        }
        continue
      }
      switch PQresultStatus(pointer) {
      case PGRES_PIPELINE_SYNC:
        PQclear(pointer)
        return collected
      case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
        guard position < steps.count else {
          PQclear(pointer)
          continue
        }
        switch steps[position] {
        case .ahead(let pending):
          let result = LibpqResult(consuming: pointer)
          pending.receive?(.success(result))
        case .prepare(let entry, let name):
          PQclear(pointer)
          prepared.insert(entry, name: name)
        case .execute: collected.results.append(LibpqResult(consuming: pointer))
        }
      case PGRES_PIPELINE_ABORTED:
        PQclear(pointer)
      case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
        PQclear(pointer)
        finish()
        // The server may have copied to nobody, and committed.
        throw LibpqError(
          .invalidArgument,
          "COPY can't be part of a pipeline; the connection was closed",
          isOutcomeUnknown: !exchange.isInTransactionBlock
        )
      default:
        let isFirst = collected.error == nil
        let isLost = noteFailure(pointer, exchange, in: &collected)
        if isFirst, let error = collected.error, position < steps.count, case .ahead(let pending) = steps[position] {
          pending.receive?(.failure(error))
        }
        if isLost { return collected }
      }
    }
  }
}
