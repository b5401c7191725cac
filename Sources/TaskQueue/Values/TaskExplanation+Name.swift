extension TaskExplanation.Cause {
  /// As the SQL function `explain` calls it: `no_worker`. It stays the same in all versions; `other`: a newer schema's.
  public var name: String {
    switch self {
    case .unknown: "unknown"
    case .gone: "gone"
    case .done: "done"
    case .finished: "finished"
    case .dead: "dead"
    case .running: "running"
    case .leaseEnded: "lease_ended"
    case .delayed: "delayed"
    case .sleeping: "sleeping"
    case .event: "event"
    case .children: "children"
    case .turn: "turn"
    case .retrying: "retrying"
    case .queuePaused: "queue_paused"
    case .noWorker: "no_worker"
    case .noWorkerForType: "no_worker_for_type"
    case .behind: "behind"
    case .next: "next"
    case .limitPaused: "limit_paused"
    case .limitClosed: "limit_closed"
    case .limitRate: "limit_rate"
    case .limitHeld: "limit_held"
    case .limitWaits: "limit_waits"
    case .limited: "limited"
    case .deadlinePassed: "deadline_passed"
    case .cancelRequested: "cancel_requested"
    case .runsAgain: "runs_again"
    case .other: "other"
    }
  }
}
