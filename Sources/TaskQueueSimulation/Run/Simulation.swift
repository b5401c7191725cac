@_spi(Store) package import TaskQueue
import TaskQueueInMemory

/// One run of a plan, and what came of it.
package struct Simulation {
  /// What a run brought.
  package struct Report: Sendable {
    package let seed: UInt64
    package let violation: Violation?
    /// Tasks that were stored.
    package let tasks: Int
    package let steps: Int
    /// What happened; empty unless it was asked for.
    package let history: [String]
    /// The same for the same run; 0 unless the history was asked for.
    package let digest: UInt64
  }

  var plan: SimulationPlan

  package init(seed: UInt64, size: SimulationSize = .small) { plan = SimulationPlan(seed: seed, size: size) }
  init(_ plan: SimulationPlan) { self.plan = plan }

  /// - Parameter faults: what is put back into the engine, to see whether it is found.
  package func run(faults: EngineFaults = [], recording: Bool = false) -> Report {
    let world = SimulatedWorld(plan, faults: faults, recording: recording)
    world.run()
    return Report(
      seed: plan.seed,
      violation: world.violation,
      tasks: Int(world.store.state.lastID),
      steps: world.stepCount,
      history: world.history.lines,
      digest: world.history.digest
    )
  }

  /// The shortest plan found that still breaks the same promise.
  package func shortened(faults: EngineFaults, breaking kind: Violation.Kind) -> Simulation {
    var best = plan
    var hasChanged = true
    func isBroken(_ plan: SimulationPlan) -> Bool { Simulation(plan).run(faults: faults).violation?.kind == kind }
    while hasChanged {
      hasChanged = false
      for shorter in best.shorterOnes() where isBroken(shorter) {
        best = shorter
        hasChanged = true
        break
      }
    }
    return Simulation(best)
  }

  /// What happens from outside, in lines.
  package var summary: [String] { plan.summary }
}

extension SimulationPlan {
  /// Plans that leave something out, the boldest first.
  func shorterOnes() -> [SimulationPlan] {
    var plans: [SimulationPlan] = []
    for count in [tasks.count / 2, tasks.count - 1] where count > 0 && count < tasks.count {
      // Faults name tasks by their place: tasks are only left out from the end.
      var plan = self
      plan.tasks.removeLast(tasks.count - count)
      plans.append(plan)
    }
    for index in faults.indices {
      var plan = self
      plan.faults.remove(at: index)
      plans.append(plan)
    }
    for index in tasks.indices where tasks[index].behaviours.count > 1 {
      var plan = self
      plan.tasks[index].behaviours.removeFirst(tasks[index].behaviours.count - 1)
      plans.append(plan)
    }
    for index in tasks.indices where !tasks[index].isLeftOut {
      // Its place stays, as faults name it.
      var plan = self
      plan.tasks[index].isLeftOut = true
      plans.append(plan)
    }
    return plans
  }

  var summary: [String] {
    let workers = workers.enumerated().map { index, worker in
      let settings = worker.configuration
      return
        "worker \(index): \(settings.concurrency) slots, prefetch \(settings.maxPrefetch), lease \(settings.lease), "
        + "queues \(settings.queues.map(\.rawValue)), grace \(settings.shutdownGrace) + \(settings.cancellationGrace)"
        + "\(settings.listensForWakeUps ? ", listens" : "") \(settings.maxConcurrent) \(worker.maxConcurrent)"
    }
    let tasks = tasks.enumerated().filter { !$0.element.isLeftOut }.map { index, task in
      "task \(index): at \(task.storedAt), \(task.type) in \(task.queue), priority \(task.priority), delay \(task.delay), "
        + "commits after \(task.commitsAfter), \(task.flow.map { "\($0)" } ?? "\(task.behaviours)")"
    }
    let faults = faults.map { "fault: at \($0.at), lasts \($0.lasts): \($0.kind)" }
    let events = events.map { "event \($0.key) at \($0.at)" }
    return ["active for \(activeFor)"] + workers + tasks + events + faults
  }
}
