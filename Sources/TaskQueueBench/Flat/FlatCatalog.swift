/// The scenarios, in the order in which they run.
enum FlatCatalog {
  static func all(_ sizes: FlatSizes) -> [any FlatScenario] {
    [
      SnapshotScenario(minutes: sizes.minutes, rate: sizes.rate),
      PendingScenario(pending: sizes.pending, tasks: sizes.tasks, rounds: sizes.rounds),
      LoadedDrainScenario(load: .future(sizes.future), tasks: sizes.tasks, rounds: sizes.rounds),
      LoadedDrainScenario(load: .dead(sizes.dead), tasks: sizes.tasks, rounds: sizes.rounds),
      LoadedDrainScenario(load: .limited(sizes.limited), tasks: sizes.tasks, rounds: sizes.rounds),
      LoadedDrainScenario(load: .sleeping(sizes.sleeping), tasks: sizes.tasks, rounds: sizes.rounds),
      IdleWorkersScenario(
        workers: sizes.idleWorkers,
        tasks: sizes.tasks,
        rounds: sizes.rounds,
        time: sizes.idleTime
      ),
    ]
  }
}
