import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Settlements as the arrays of the functions `_settle_complete`, `_settle`, `_conclude` and `_suspend`.
struct SettlementBatch {
  private(set) var completions: [Claim] = []
  private(set) var others: [Claim] = []
  private(set) var concluded: [Claim] = []
  private var conclusions: [Conclusion] = []
  private(set) var suspended: [Claim] = []
  private var waits: [Data?] = []
  private var delays: [Duration?] = []
  private var returnsAttempts: [Bool] = []
  private var failures: [Data?] = []
  private var reasons: [String?] = []
  private var details: [String?] = []

  init(_ settlements: [Settlement]) throws(TaskQueueError) {
    let encoder = JSONEncoder()
    for settlement in settlements {
      switch settlement.action {
      case .complete: completions.append(settlement.claim)
      case .conclude(let conclusion):
        concluded.append(settlement.claim)
        conclusions.append(conclusion)
      case .suspend(let waits):
        suspended.append(settlement.claim)
        do { self.waits.append(try encoder.encode(waits.map(StoredWait.init))) } catch {
          throw TaskQueueError(.encodingFailed, "A wait could not be encoded as JSON.", underlying: error)
        }
      case .reschedule(let delay, let returnsAttempt):
        try append(settlement.claim, delay: max(.zero, delay), returnsAttempt: returnsAttempt, encoder)
      case .fail(let failure, let delay):
        try append(settlement.claim, delay: max(.zero, delay), failure: failure, encoder)
      case .bury(let reason, let detail, let failure):
        try append(settlement.claim, delay: nil, failure: failure, reason: reason, detail: detail, encoder)
      case .release:
        // No delay: the due time, and with it the place in the queue, stays.
        try append(settlement.claim, delay: nil, returnsAttempt: true, encoder)
      }
    }
  }

  private mutating func append(
    _ claim: Claim,
    delay: Duration?,
    returnsAttempt: Bool = false,
    failure: TaskFailure? = nil,
    reason: DeadLetterReason? = nil,
    detail: String? = nil,
    _ encoder: JSONEncoder
  ) throws(TaskQueueError) {
    others.append(claim)
    delays.append(delay)
    returnsAttempts.append(returnsAttempt)
    do { failures.append(try failure.map { try encoder.encode($0.storable) }) } catch {
      throw TaskQueueError(.encodingFailed, "An error record could not be encoded as JSON.", underlying: error)
    }
    reasons.append(reason?.rawValue.withoutNUL)
    details.append(detail?.withoutNUL)
  }

  /// - Parameter claims: a claim follows in the same transaction, and takes who is next in line for the slots that are left.
  func statements(_ templates: StoreStatements, wakes: Bool, claims: Bool = false) -> [LibpqStatement] {
    var statements: [LibpqStatement] = []
    if !completions.isEmpty {
      statements.append(templates.settleComplete(ids(completions), tokens(completions), .bool(claims)))
    }
    if !others.isEmpty {
      statements.append(templates.settle(othersParameters(wakes: wakes) + [.bool(claims)]))
    }
    if !concluded.isEmpty { statements.append(templates.conclude(conclusionParameters + [.bool(claims)])) }
    if !suspended.isEmpty {
      statements.append(templates.suspend(suspensionParameters(wakes: wakes) + [.bool(claims)]))
    }
    return statements
  }

  var conclusionParameters: [LibpqValue] {
    [
      ids(concluded), tokens(concluded),
      conclusions.contains { $0.result != nil } ? .jsonArray(conclusions.map(\.result)) : .null,
      conclusions.contains { $0.retain != nil } ? .intervalArray(conclusions.map(\.retain)) : .null,
    ]
  }

  func suspensionParameters(wakes: Bool) -> [LibpqValue] {
    [ids(suspended), tokens(suspended), .jsonArray(waits), .bool(wakes)]
  }

  /// As the function `_suspend` reads it.
  private struct StoredWait: Encodable {
    let name: String
    let place: Int
    var seconds: Double?
    var until: Double?
    let event: String?

    init(_ wait: FlowWait) {
      name = wait.name
      place = wait.place
      event = wait.event
      switch wait.end {
      case .after(let duration): seconds = duration / .seconds(1)
      case .at(let instant): until = instant.timeIntervalSince1970
      case .never: break
      }
    }
  }

  /// What is no completion, as the parameters of the function `settle`.
  func othersParameters(wakes: Bool) -> [LibpqValue] {
    [
      ids(others), tokens(others), .intervalArray(delays), .boolArray(returnsAttempts),
      .jsonArray(failures), .textArray(reasons), .textArray(details), .bool(wakes),
    ]
  }

  private func ids(_ claims: [Claim]) -> LibpqValue { .int8Array(claims.map(\.id.rawValue)) }
  private func tokens(_ claims: [Claim]) -> LibpqValue { .int8Array(claims.map(\.token)) }
}

extension TaskFailure {
  /// PostgreSQL's text and jsonb hold no NUL; an error's message may.
  fileprivate var storable: TaskFailure {
    .init(message: message.withoutNUL, errorType: errorType.withoutNUL, attempt: attempt, at: at.isFinite ? at : 0)
  }
}

extension String {
  /// PostgreSQL's text and jsonb hold no NUL.
  var withoutNUL: String {
    utf8.contains(0) ? replacing("\0", with: "\u{FFFD}") : self
  }
}
