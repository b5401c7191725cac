#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

extension WorkerStateMachine {
  /// Attempts that run, by queue and type. For metrics, now and then.
  var runningCounts: [TaskCount] {
    var counts: [[String]: TaskCount] = [:]
    for (_, running) in runners.running {
      let (queue, type) = (running.task.queue, running.task.type)
      counts[[queue.rawValue, type.rawValue], default: TaskCount(queue: queue, type: type, state: .running, count: 0)]
        .count += 1
    }
    return Array(counts.values)
  }

  /// For the report of this worker: how many attempts run, and which of them for long; while it shuts down all of them, since nobody would guess
  /// who has them.
  func holdings(at now: Instant) -> (inFlight: Int, held: [HeldAttempt]) {
    let since = condition.phase == .draining ? now : now.advanced(by: .zero - WorkerTimes.heldAfter)
    let oldest = runners.oldest(upTo: since, atMost: WorkerSnapshot.maxHeld)
    return (
      runners.runningCount,
      oldest.map { running in
        let task = running.task
        return HeldAttempt(task: task.claim.id, type: task.type, attempt: task.attempt, since: task.claimedAt)
      }
    )
  }

  /// For ``TaskWorker/health``.
  var condition: WorkerPulse.Condition {
    let phase: WorkerPulse.Phase =
      switch self.phase {
      case .starting: .starting
      case .running: .running
      case .draining, .cancelling, .flushing, .aborting: .draining
      case .over: .over
      }
    return .init(phase: phase, doesStoreAnswer: doesStoreAnswer)
  }
}

/// What the simulation looks at from outside.
extension WorkerStateMachine {
  /// How much it remembers.
  package struct Size: Sendable {
    package let held: Int
    package let outcomes: Int
    package let calls: Int
    package let runners: Int
  }

  package var size: Size {
    Size(held: held.count, outcomes: outcomes.count, calls: calls.count, runners: runners.slots.count)
  }

  /// Tasks that wait for a runner.
  package var queuedCount: Int { queue.count }

  /// Tasks that wait for a runner or run, of groups with a maximum.
  package func placesTaken(where isCounted: (_ group: (queues: [QueueName], types: [TaskType])) -> Bool) -> Int {
    groups.all.reduce(0) { isCounted(($1.queues, $1.types)) ? $0 + $1.takenCount : $0 }
  }

  /// Attempts that take a slot.
  package var takenSlots: Int { runners.taken }

  /// Whether it holds the task by this claim, or its outcome.
  package func knows(_ claim: Claim) -> Bool { index(of: claim) != nil }

  /// The time by which it judges leases now. nil: by the store's own.
  package func leasesJudgedAt(_ now: Instant) -> Date? { storeClock.estimate(at: now) }

  /// Whether the runner's attempt takes a slot.
  package func occupies(_ runner: RunnerID) -> Bool { runners[runner] != nil }
}
