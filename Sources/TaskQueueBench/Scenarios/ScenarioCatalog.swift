/// The scenarios of the suite, in the order in which they run.
enum ScenarioCatalog {
  static func all(_ sizes: SuiteSizes) -> [any Scenario] {
    [
      EnqueueScenario(callers: 1, time: sizes.enqueueTime),
      EnqueueScenario(callers: 16, time: sizes.enqueueTime),
      BulkEnqueueScenario(tasks: sizes.tasks),
      DrainScenario(tasks: sizes.tasks),
      LimitScenario(tasks: sizes.tasks),
      PriceScenario(tasks: sizes.tasks),
      ProduceDrainScenario(tasks: sizes.tasks),
      TransactionScenario(tasks: sizes.transactions),
      FlowScenario(steps: sizes.steps, latencies: sizes.latencyTasks),
      LatencyScenario(tasks: sizes.latencyTasks),
      IdleScenario(time: sizes.idleTime, maxRounds: sizes.idleRounds),
    ]
  }
}
