import EmbeddedPostgres
import SeededRandom

/// Kills server processes at random, and once the database; midway it has all of them pay with another provider.
struct ChaosMonkey: Sendable {
  let servers: [ChaosServer]
  let postgres: EmbeddedPostgres
  let settings: ChaosSettings
  let tally: ChaosTally

  /// Until it is cancelled or has killed enough.
  func run() async throws {
    var generator = SeededGenerator(seed: settings.seed)
    let range = settings.killPause
    for _ in 0..<settings.maxKills {
      let share = Double.random(in: 0...1, using: &generator)
      try await Task.sleep(for: range.lowerBound + (range.upperBound - range.lowerBound) * share)
      guard let victim = servers.randomElement(using: &generator) else { return }
      await victim.kill()
      let counts = tally.counts
      if counts.databaseRestarts == 0, counts.final * 4 >= settings.allPayments {
        // As in a crash, and with one server dead and the other one working.
        try await postgres.restart(immediate: true)
        tally.change { $0.databaseRestarts += 1 }
      }
      if counts.switches == 0, counts.final * 5 >= settings.allPayments * 2 {
        for server in servers {
          await server.use(primary: ChaosSettings.providers[1])
          await server.kill()
          try await server.start()
        }
        tally.change { $0.switches += 1 }
      }
      try await victim.start()
    }
  }
}
