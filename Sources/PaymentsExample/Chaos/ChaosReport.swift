/// What a chaos run found.
struct ChaosReport: Sendable {
  /// How many were to be made.
  let payments: Int
  let tally: ChaosTally.Counts
  /// SIGKILLs of each server process.
  let kills: [Int]
  let elapsed: Duration

  private(set) var statuses: [String: Int] = [:]
  private(set) var stored = 0
  private(set) var final = 0
  private(set) var executedOnce = 0
  private(set) var executedMore = 0
  /// Executed under another id than the one in our books.
  var wronglyExecuted = 0
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

  init(payments: Int, tally: ChaosTally.Counts, kills: [Int], elapsed: Duration) {
    self.payments = payments
    self.tally = tally
    self.kills = kills
    self.elapsed = elapsed
  }

  mutating func add(_ status: PaymentStatus, executions: Int) {
    self.stored += 1
    self.statuses[status.rawValue, default: 0] += 1
    if status.isFinal { self.final += 1 }
    if executions == 1 { self.executedOnce += 1 }
    if executions > 1 { self.executedMore += 1 }
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
      Promise(name: name, found: "\(count) of \(self.payments)", isKept: count == self.payments)
    }
    return [
      all("payments accepted", self.tally.accepted), all("payments in our books", self.stored),
      zero("repeated requests that made another payment", self.tally.doubled), all("payments final", self.final),
      all("payments executed exactly once", self.executedOnce),
      zero("payments executed more than once", self.executedMore),
      zero("payments executed under an id that isn't ours", self.wronglyExecuted),
      Promise(
        name: "exit status of payments reconcile",
        found: "\(self.reconciliation)",
        isKept: self.reconciliation == 0
      ),
      zero("forged callbacks accepted", self.callbacks.forgedAccepted),
      zero("callbacks remembered and never taken", self.forgottenEvents),
      zero("tasks left", self.tasks), zero("dead letters", self.deadLetters),
      zero("calls without a known outcome", self.unsettledEffects),
      zero("calls with contradicting outcomes", self.contradictedEffects),
    ]
  }

  /// Every promise was kept.
  var isRight: Bool { self.promises.allSatisfy(\.isKept) }

  var lines: [String] {
    let chaos = [
      ["SIGKILLs of serve processes", self.kills.map(String.init).joined(separator: " + ")],
      ["immediate restarts of the database", "\(self.tally.databaseRestarts)"],
      ["API requests without a usable answer, repeated", "\(self.tally.unanswered)"],
      ["API requests repeated on purpose", "\(self.tally.repeated)"],
      ["provider: requests answered", self.fate(.answered)],
      ["provider: 500 before the work", self.fate(.errorBeforeWork)],
      ["provider: 500 after the work", self.fate(.errorAfterWork)],
      ["provider: answers lost after the work", self.fate(.lostResponse)],
      ["provider: answers stalled after the work", self.fate(.stalled)],
      ["callbacks delivered, forged ones sent", "\(self.callbacks.delivered), \(self.callbacks.forged)"],
      ["events in the inbox", "\(self.events)"],
      ["effects, calls begun for them", "\(self.effects), \(self.calls)"],
      ["registered at the provider, orphans among them", "\(self.registered), \(self.orphans)"],
      ["executions asked for", "\(self.executeRequests)"],
      ["statuses", self.statuses.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")],
      ["time", "\(Int((self.elapsed / .seconds(1)).rounded())) s"],
    ]
    let promises = self.promises.map { [$0.name, $0.found, $0.isKept ? "kept" : "← BROKEN"] }
    return TextTable(header: ["what happened", ""], rows: chaos).lines + [""]
      + TextTable(header: ["what was promised", "", ""], rows: promises).lines
  }

  private func fate(_ fate: RequestFate) -> String {
    String(self.fates[fate.rawValue] ?? 0)
  }
}
