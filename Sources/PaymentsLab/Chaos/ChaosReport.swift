import PaymentsExample

/// What a chaos run found.
package struct ChaosReport: Sendable {
  /// How many were to be made.
  let payments: Int
  let tally: ChaosTally.Counts
  /// SIGKILLs of each server process.
  let kills: [Int]
  let elapsed: Duration

  private(set) var statuses: [String: Int] = [:]
  /// Payments with each provider.
  private(set) var providers: [String: Int] = [:]
  private(set) var stored = 0
  private(set) var final = 0
  private(set) var executedOnce = 0
  private(set) var executedMore = 0
  /// Executed under another id than the one in our books.
  var wronglyExecuted = 0
  /// Registered with another amount than was asked for.
  var altered = 0
  /// Of those, left to a person.
  var stopped = 0
  var alteredExecuted = 0
  /// At the provider, for all payments.
  var registered = 0
  var executeRequests = 0
  /// Registered at the provider, and not the ones that we stand by.
  var orphans = 0
  var callbacks = CallbackCounts()
  var fates: [String: Int] = [:]
  var tasks = 0
  var deadLetters = 0
  var effects = 0
  /// Calls to the provider begun through the ledger of effects.
  var calls = 0
  var unsettledEffects = 0
  var contradictedEffects = 0
  var events = 0
  /// Remembered for a payment that is known.
  var forgottenEvents = 0
  /// The exit status of `payments reconcile`.
  var reconciliation: Int32 = -1
  /// After that, when nothing happens any more.
  var ledgerDifferences = 0
  /// Clearing accounts, and those that don't stand at 0.
  var clearingAccounts = 0
  var openClearingAccounts = 0

  init(payments: Int, tally: ChaosTally.Counts, kills: [Int], elapsed: Duration) {
    self.payments = payments
    self.tally = tally
    self.kills = kills
    self.elapsed = elapsed
  }

  /// - Parameter entries: what the providers have under its reference.
  mutating func add(_ payment: Payment, _ entries: [ProviderLedgerEntry]) {
    add(payment.status, executions: entries.reduce(0) { $0 + $1.executions })
    let executed = entries.filter { $0.executions > 0 }.map(\.id)
    if executed.contains(where: { $0 != payment.providerId }) { wronglyExecuted += 1 }
    if entries.contains(where: { $0.amount != payment.amount }) {
      altered += 1
      if payment.stopReason != nil { stopped += 1 }
      if !executed.isEmpty { alteredExecuted += 1 }
    }
    orphans += entries.count { $0.id != payment.providerId }
    providers[payment.provider, default: 0] += 1
  }

  mutating func add(_ status: PaymentStatus, executions: Int) {
    stored += 1
    statuses[status.rawValue, default: 0] += 1
    if status.isFinal { final += 1 }
    if executions == 1 { executedOnce += 1 }
    if executions > 1 { executedMore += 1 }
  }

  /// A promise, what was found, and whether it was kept.
  struct Promise: Equatable, Sendable {
    var name: String
    var found: String
    var isKept: Bool
  }

  var promises: [Promise] {
    func zero(_ name: String, _ count: Int) -> Promise { Promise(name: name, found: "\(count)", isKept: count == 0) }
    func all(_ name: String, _ count: Int) -> Promise {
      Promise(name: name, found: "\(count) of \(payments)", isKept: count == payments)
    }
    return [
      all("payments accepted", tally.accepted), all("payments in our books", stored),
      zero("repeated requests that made another payment", tally.doubled), all("payments final", final),
      Promise(
        name: "payments executed exactly once, but those that the provider altered",
        found: "\(executedOnce) of \(payments - altered)",
        isKept: executedOnce == payments - altered
      ),
      Promise(
        name: "altered payments stopped for a person",
        found: "\(stopped) of \(altered)",
        isKept: stopped == altered
      ), zero("altered payments executed", alteredExecuted),
      zero("payments executed more than once", executedMore),
      zero("payments executed under an id that isn't ours", wronglyExecuted),
      Promise(
        name: "exit status of payments reconcile",
        found: "\(reconciliation)",
        isKept: reconciliation == 0
      ),
      zero("differences in the ledger, seen by another session", tally.ledgerDifferences),
      zero("differences in the ledger at the end", ledgerDifferences),
      zero("clearing accounts that aren't 0", openClearingAccounts),
      zero("forged callbacks accepted", callbacks.forgedAccepted),
      zero("callbacks remembered and never taken", forgottenEvents),
      zero("tasks left", tasks), zero("dead letters", deadLetters),
      zero("calls without a known outcome", unsettledEffects),
      zero("calls with contradicting outcomes", contradictedEffects),
    ]
  }

  /// Every promise was kept.
  package var isRight: Bool { promises.allSatisfy(\.isKept) }

  package var lines: [String] {
    let chaos = [
      ["SIGKILLs of serve processes", kills.map(String.init).joined(separator: " + ")],
      ["immediate restarts of the database", "\(tally.databaseRestarts)"],
      ["payments with each provider", Self.list(providers)],
      ["refunds asked for", "\(tally.refunds)"],
      ["API requests without a usable answer, repeated", "\(tally.unanswered)"],
      ["API requests repeated on purpose", "\(tally.repeated)"],
      ["provider: requests answered", fate(.answered)],
      ["provider: 500 before the work", fate(.errorBeforeWork)],
      ["provider: 500 after the work", fate(.errorAfterWork)],
      ["provider: answers lost after the work", fate(.lostResponse)],
      ["provider: answers stalled after the work", fate(.stalled)],
      ["callbacks delivered, forged ones sent", "\(callbacks.delivered), \(callbacks.forged)"],
      ["events in the inbox", "\(events)"],
      ["effects, calls begun for them", "\(effects), \(calls)"],
      ["registered at the provider, orphans among them", "\(registered), \(orphans)"],
      ["executions asked for", "\(executeRequests)"],
      ["looks at the ledger, clearing accounts", "\(tally.ledgerLooks), \(clearingAccounts)"],
      ["statuses", Self.list(statuses)],
      ["time", "\(Int((elapsed / .seconds(1)).rounded())) s"],
    ]
    let promises = self.promises.map { [$0.name, $0.found, $0.isKept ? "kept" : "← BROKEN"] }
    return TextTable(header: ["what happened", ""], rows: chaos).lines + [""]
      + TextTable(header: ["what was promised", "", ""], rows: promises).lines
  }

  private static func list(_ counts: [String: Int]) -> String {
    counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
  }

  private func fate(_ fate: RequestFate) -> String {
    String(fates[fate.rawValue] ?? 0)
  }
}
