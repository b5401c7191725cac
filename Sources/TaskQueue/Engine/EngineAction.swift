/// What the machine wants done. The shell does it, in this order, and decides nothing.
package enum EngineAction: Sendable {
  case call(CallOrder)
  /// Start a runner.
  case run(RunnerID)
  /// Cancel a runner's Swift task. It ends after the attempt under way.
  case cancel(RunnerID)
  /// Nobody waits for this handler any more: say what is to be settled, with ``WorkerStateMachine/judged(_:_:)``.
  case judge(ClaimedTask, CancelReason)
  /// Listen to the store, and report the end.
  case listen
  /// See whether Swift's threads do anything at all, and report it.
  case pingPool
}

/// What one look at everything decided.
package struct EngineTurn: Sendable {
  package var actions: [EngineAction] = []
  /// What people are to be told.
  package var events: [EngineEvent] = []
  /// When the machine is to be asked again at the latest. There is no wait without a limit.
  package var wakeAt: WorkerClock.Instant
}
