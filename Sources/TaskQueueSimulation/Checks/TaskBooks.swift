@_spi(Store) import TaskQueue

/// What the simulation knows of the tasks without asking the store or a machine.
struct TaskBooks {
  struct Book {
    let plan: TaskPlan
    /// Handlers that were started.
    var runs = 0
    /// Claims in a row that ended without an outcome.
    var crashes = 0
    /// The claim that holds it, until it is settled.
    var claim: Claim?
    /// When the holder's lease ends by the virtual time.
    var leaseEndsAt: Instant?
    /// Since when nothing but a free slot is missing, as far as audits saw.
    var claimableSince: Instant?
    var isCancelled = false
  }

  /// An outcome that a machine has taken over.
  struct Outcome {
    let process: SimulatedProcess
    let since: Instant
  }

  /// By the task's place in the plan.
  var ids: [Int: TaskID] = [:]
  private(set) var books: [TaskID: Book] = [:]
  private(set) var outcomes: [Claim: Outcome] = [:]
  /// The crashes in a row that each task had when it was claimed last.
  var crashesBeforeBurial: [TaskID: Int] = [:]

  mutating func add(_ id: TaskID, _ index: Int?, _ plan: TaskPlan, at now: Instant) { books[id] = Book(plan: plan) }

  subscript(_ id: TaskID) -> Book? {
    get { books[id] }
    set { books[id] = newValue }
  }

  mutating func nextBehaviour(of id: TaskID) -> Behaviour {
    guard let book = books[id] else { return .quick }
    books[id]?.runs += 1
    return book.plan.behaviour(ofRun: book.runs)
  }

  mutating func noteCancelled(_ id: TaskID) { books[id]?.isCancelled = true }

  mutating func noteOutcome(of claim: Claim, in process: SimulatedProcess, at now: Instant) {
    outcomes[claim] = Outcome(process: process, since: now)
  }

  mutating func noteSettled(_ claim: Claim) { outcomes[claim] = nil }

  mutating func forgetOutcomes(of process: SimulatedProcess) {
    outcomes = outcomes.filter { $0.value.process !== process }
  }

  func outcomes(of process: SimulatedProcess) -> [Claim] {
    outcomes.filter { $0.value.process === process }.map(\.key).sorted { $0.id < $1.id }
  }
}
