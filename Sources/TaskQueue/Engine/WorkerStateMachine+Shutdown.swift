extension WorkerStateMachine {
  /// Shutdown was asked for: claims nothing any more, and what waits goes back.
  package mutating func drain(at now: Instant) {
    switch phase {
    case .starting, .running: become(.draining(until: now.advanced(by: configuration.shutdownGrace)))
    case .draining, .cancelling, .flushing, .aborting, .over: return
    }
    handBackQueue()
  }

  /// The worker's own task was cancelled: stops at once, hands nothing back. The leases run out, as after a crash.
  package mutating func abort(at now: Instant) {
    switch phase {
    case .over, .aborting: return
    case .starting, .running, .draining, .cancelling, .flushing: break
    }
    become(.aborting(until: now.advanced(by: configuration.cancellationGrace)))
    cancelRunning(.leaseLost, at: now)
  }

  private mutating func cancelRunning(_ reason: CancelReason, at now: Instant) {
    for (runner, _) in runners.running { cancelRunner(runner, reason, at: now) }
  }

  /// Each step has an end, whatever handlers and the store do.
  mutating func advanceShutdown(at now: Instant, in turn: inout EngineTurn) {
    switch phase {
    case .starting, .running, .over: return
    case .aborting(let until):
      if runners.runningCount == 0 || now >= until { become(.over) }
    case .draining(let until):
      if isIdle { return become(.over) }
      guard now >= until else { return }
      cancelRunning(.shutdown, at: now)
      become(.cancelling(until: now.advanced(by: configuration.cancellationGrace)))
      endAttempts(at: now, in: &turn)
    case .cancelling(let until):
      if isIdle { return become(.over) }
      guard now >= until else { return }
      let running = runners.running
      if !running.isEmpty { events.append(.handlersIgnoreCancellation(count: running.count)) }
      for (runner, running) in running { giveUp(runner, running, running.cancelReason ?? .shutdown, in: &turn) }
      let limit: Duration = settings.faults.contains(.endlessShutdown) ? .seconds(100_000) : callLimit
      become(.flushing(until: now.advanced(by: limit)))
    case .flushing(let until):
      if isIdle { return become(.over) }
      guard now >= until else { return }
      events.append(.outcomesLeft(count: held.count))
      become(.over)
    }
  }
}
