/// Names a runner: a Swift task that runs attempts one after another. One that is given up is never named again.
package struct RunnerID: Hashable, Sendable {
  let slot: Int32
  let generation: Int32
}

/// A started attempt.
package struct Attempt: ~Copyable, Sendable {
  package let task: ClaimedTask
  private let ticket: AttemptTicket

  init(_ task: ClaimedTask, _ ticket: consuming AttemptTicket) {
    self.task = task
    self.ticket = ticket
  }

  package consuming func takeTicket() -> AttemptTicket { ticket }
}

/// The obligation to report how an attempt ended. Only ``WorkerStateMachine`` makes them, and only it takes them back.
package struct AttemptTicket: ~Copyable, Sendable {
  let claim: Claim
  let runner: RunnerID

  deinit { forgottenObligation("an attempt was never reported as ended") }

  /// For the machine, and for a process that the simulation kills.
  package consuming func redeem() { discard self }
}

/// A claimed task, until its outcome is recorded.
struct HeldTask: Sendable {
  /// Where it is. A task only ever moves to a later one.
  enum Place: Sendable {
    case queued
    case running(RunnerID)
    /// Its handler was given up; the shell judges what is to be settled.
    case judged
    /// Its outcome waits to be settled, or is on its way.
    case ended
  }

  let task: ClaimedTask
  var place = Place.queued
  /// When the call began that claimed it or renewed its lease last.
  var renewedAt: WorkerClock.Instant
  /// Somebody has locked its row, so its lease was not renewed when it was to be.
  var isLocked = false
  /// Its outcome was in an exchange of which the answer is not known: the store may have applied it.
  var mayBeSettled = false
}

/// A runner and what it does.
struct RunnerSlot: Sendable {
  struct Running: Sendable {
    let task: ClaimedTask
    let startedAt: WorkerClock.Instant
    let timeout: Duration?
    var cancelReason: CancelReason?
    /// When a cancelled handler that goes on is given up.
    var givenUpAt: WorkerClock.Instant?

    var claim: Claim { task.claim }
    var label: TaskLabel { TaskLabel(task) }
  }

  var generation: Int32 = 0
  var running: Running?
}

/// A ticket was dropped: somebody waits for ever for what it stands for. Not `Never`, as that would leave code behind it.
@inline(never)
func forgottenObligation(_ what: String) {
  preconditionFailure(what)
}
