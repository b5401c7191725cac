extension OperatorRequest {
  /// What the call takes that can be told without the store: names, bounds, values.
  func validate() throws(TaskQueueError) {
    switch self {
    case .pauseQueue(let queue), .resumeQueue(let queue): try queue.validate()
    case .redrive(let filter, _), .purge(let filter, _): try filter.validate()
    case .resolveEffect(let name, _, let resolution):
      try name.validate()
      try resolution.validate()
    case .changeLimit(let name, let change):
      try TaskLimit.validate(name: name)
      switch change {
      case .set(let concurrency): try LimitRule.validate(concurrency)
      case .setRate(let rate): try rate.validate()
      case .pause, .resume, .reset: break
      }
    case .pauseLimit(let limit, _): try limit.validate()
    case .setSchedule(let name, let definition):
      try ScheduleName.validate(name)
      try definition.validate()
    case .pauseSchedule(let name), .resumeSchedule(let name), .resetSchedule(let name), .removeSchedule(let name),
      .runSchedule(let name), .backfillSchedule(let name, _):
      try ScheduleName.validate(name)
    // Ids have no bounds; tasks are checked where they are encoded, events where they are made.
    case .cancel, .retry, .runNow, .enqueue, .emit: break
    }
  }
}
