/// Drains with and without many rows that are not to be run.
struct LoadedDrainScenario: FlatScenario {
  enum Load: Equatable, Sendable {
    /// Due in a day.
    case future(Int)
    case dead(Int)
    /// In the line of one key whose limit is paused.
    case limited(Int)
    /// Flows that wait for a day, every second one for an event.
    case sleeping(Int)
  }

  let load: Load
  let tasks: Int
  let rounds: Int

  var name: String {
    switch load {
    case .future: "future"
    case .dead: "dead"
    case .limited: "limited"
    case .sleeping: "sleeping"
    }
  }

  private var metric: Metric {
    switch load {
    case .future: MetricCatalog.flatFuture
    case .dead: MetricCatalog.flatDead
    case .limited: MetricCatalog.flatLimited
    case .sleeping: MetricCatalog.flatSleeping
    }
  }

  func run(_ database: BenchmarkDatabase, _ progress: ProgressLine) async throws -> FlatOutcome {
    var outcome = FlatOutcome()
    var without: [Double] = []
    try await database.empty()
    for round in 1...rounds {
      progress.update("\(name): drain without, round \(round)/\(rounds)")
      without.append(try await drain(database))
    }
    progress.update("\(name): fill")
    try await fill(database)
    for round in 1...rounds {
      progress.update("\(name): drain with, round \(round)/\(rounds)")
      let with = try await drain(database)
      try await check(database)
      outcome.readings.append(Reading(metric, with, beside: without[round - 1]))
    }
    return outcome
  }

  /// Both halves begin with TRUNCATE, and go on in the free space that their own rounds left.
  private func drain(_ database: BenchmarkDatabase) async throws -> Double {
    try await DrainMeasurement.workers(1, database.workerSettings([.noOp]), tasks: tasks, database) {
      try await database.checkpoint()
      try await database.add(tasks)
      try await database.vacuum()
    }.rate
  }

  private func fill(_ database: BenchmarkDatabase) async throws {
    try await database.empty()
    switch load {
    case .future(let count): try await database.add(count, dueIn: .seconds(86_400))
    case .dead(let count): try await database.addDeadLetters(count)
    case .limited(let count): try await database.add(count, keys: 1, slots: 0)
    case .sleeping(let count): try await database.addSleepingFlows(count)
    }
  }

  /// What was not to be run must still be there.
  private func check(_ database: BenchmarkDatabase) async throws {
    let (expected, found) =
      switch load {
      case .future(let count), .limited(let count), .sleeping(let count):
        (count, try await database.count(where: "NOT ready"))
      case .dead(let count): (count, try await database.deadLetters())
      }
    guard found == expected else { throw BenchmarkError("\(name): \(expected) rows were to stay, \(found) did.") }
  }
}
