/// What the worker does now and then.
struct UpkeepTimes: Sendable {
  typealias Instant = WorkerClock.Instant

  /// How long a task of a queue that is not served here may be due before somebody is told.
  static var unservedAfter: Duration { .seconds(60) }
  static var pingInterval: Duration { .seconds(1) }
  /// Swift's threads are taken for blocked after this.
  static var pingPatience: Duration { .seconds(2) }

  var nextMaintenanceAt: Instant
  var nextPingAt: Instant
  var pingedAt: Instant?

  init(at now: Instant) { (nextMaintenanceAt, nextPingAt) = (now, now) }
}

/// The connection that listens.
struct ListenerState: Sendable {
  typealias Instant = WorkerClock.Instant

  var backoff = BackoffInterval(minimum: .milliseconds(100), maximum: .seconds(10))
  var startedAt: Instant?
  var nextAt: Instant?
}

extension WorkerStateMachine {
  // MARK: Listening

  mutating func planListening(at now: Instant, in turn: inout EngineTurn) {
    guard configuration.listensForWakeUps, listener.startedAt == nil else { return }
    if let next = listener.nextAt, now < next { return turn.wake(at: next) }
    listener.startedAt = now
    turn.actions.append(.listen)
  }

  package mutating func listenerEnded(_ error: TaskQueueError?, at now: Instant) {
    guard let startedAt = listener.startedAt else { return }
    if startedAt.duration(to: now) > .seconds(60) { listener.backoff.reset() }
    let wait = listener.backoff.next(using: &generator)
    listener.startedAt = nil
    listener.nextAt = now.advanced(by: wait)
    if let error, isRunning { events.append(.listenerFailed(error: "\(error)", retryIn: wait)) }
  }

  // MARK: Maintenance

  mutating func planMaintenance(at now: Instant, in turn: inout EngineTurn) {
    guard !calls.isUnderWay(.maintenance), !outage.isFailing else { return }
    guard now >= upkeep.nextMaintenanceAt else { return turn.wake(at: upkeep.nextMaintenanceAt) }
    upkeep.nextMaintenanceAt = now.advanced(by: configuration.maintenanceInterval)
    order(newCall(.maintenance, at: now), .maintain, in: &turn)
  }

  mutating func noteMaintained(_ report: MaintenanceReport, at now: Instant) {
    if report.mayHaveMore { upkeep.nextMaintenanceAt = now }
    events.append(.unhandled(report.unhandled))
    events.append(.unserved(report.unserved))
    events.append(.dropped(report.dropped))
  }

  mutating func noteMaintenanceFailed(_ error: TaskQueueError, at now: Instant) {
    upkeep.nextMaintenanceAt = min(upkeep.nextMaintenanceAt, now.advanced(by: .seconds(5)))
    events.append(.lookFailed("\(error)"))
  }

  // MARK: Swift's threads

  /// Handlers that block keep all of Swift's threads from working; the engine has one of its own, and can tell.
  mutating func planPoolWatch(at now: Instant, in turn: inout EngineTurn) {
    guard runners.runningCount > 0 || upkeep.pingedAt != nil else { return }
    if let pingedAt = upkeep.pingedAt {
      let end = pingedAt.advanced(by: UpkeepTimes.pingPatience)
      guard now >= end else { return turn.wake(at: end) }
      upkeep.pingedAt = now
      var types: [TaskType: Int] = [:]
      for (_, running) in runners.running { types[running.task.type, default: 0] += 1 }
      return events.append(.handlersBlock(types: types, for: UpkeepTimes.pingPatience))
    }
    guard now >= upkeep.nextPingAt else { return turn.wake(at: upkeep.nextPingAt) }
    upkeep.pingedAt = now
    upkeep.nextPingAt = now.advanced(by: UpkeepTimes.pingInterval)
    turn.actions.append(.pingPool)
  }

  package mutating func poolAnswered() { upkeep.pingedAt = nil }
}
