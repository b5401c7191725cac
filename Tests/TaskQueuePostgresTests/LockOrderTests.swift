import Foundation
import Libpq
import SeededRandom
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Calls of ours do not wait for each other in a circle")
struct LockOrderTests {
  @Test(
    "Two bulks with the same keys in opposite order both succeed",
    arguments: [UniqueKey.Mode.keepExisting, .replace, .coalesce]
  )
  func bulks(_ mode: UniqueKey.Mode) async throws {
    try await withStore { store in
      for round in 0..<5 {
        let results = try await withThrowingTaskGroup(of: [EnqueueResult].self) { group in
          for keys in [Array(1...400), Array((1...400).reversed())] {
            group.addTask {
              let tasks = try keys.map { key in
                try NewTask(
                  Note(text: "\(key)"),
                  options: .with { $0.unique = UniqueKey("\(round)-\(key)", mode: mode) }
                )
              }
              let results = try await store.enqueue(tasks)
              return keys.first == 1 ? results : results.reversed()
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        // Results are in the order of the tasks.
        #expect(results[0].map(\.id) == results[1].map(\.id))
        #expect(zip(results[0], results[1]).allSatisfy { $0.isNew != $1.isNew })
      }
    }
  }

  @Test("So do bulks of several statements, in one transaction each")
  func longBulks() async throws {
    try await withStore { store in
      let ids = try await withThrowingTaskGroup(of: [TaskID].self) { group in
        for isReversed in [false, true] {
          group.addTask {
            let tasks = try (0..<6_000).map { key in
              try NewTask(Note(text: "\(key)"), options: .with { $0.unique = UniqueKey("\(key)") })
            }
            let results = try await store.enqueue(isReversed ? tasks.reversed() : tasks).map(\.id)
            return isReversed ? results.reversed() : results
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(ids[0] == ids[1])
      #expect(Set(ids[0]).count == 6_000)
    }
  }

  @Test(
    "Under any isolation, unique keys are stored once and nobody gets an error",
    arguments: ["serializable", "repeatable read"]
  )
  func isolation(_ level: String) async throws {
    try await withTestDatabase { database in
      try await database.query("ALTER DATABASE \(database.name) SET default_transaction_isolation = '\(level)'")
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 8))
      let news = try await withThrowingTaskGroup(of: Int.self) { group in
        for worker in 0..<6 {
          group.addTask {
            var news = 0
            for round in 0..<20 {
              let keys = worker.isMultiple(of: 2) ? [round, round + 1] : [round + 1, round]
              let tasks = try keys.map { key in
                try NewTask(Note(text: "x"), options: .with { $0.unique = UniqueKey("\(key)") })
              }
              news += try await store.enqueue(tasks).count { $0.isNew }
            }
            return news
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(news == 21)
      await store.close()
    }
  }

  /// Every call that locks several rows, or a row and a key, against every other one.
  @Test("A pause of a key and a change of its limit, each in a transaction with the other, take turns")
  func limits() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", concurrency: 1, rate: LimitRate(10))])
      var other: Task<Void, any Error>?
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("SELECT taskqueue.pause_limit_for('bank', '1 s', 'a')")
        other = Task.detached { _ = try await store.pool.query("SELECT taskqueue.set_limit('bank', new_rate => 7)") }
        try await eventually("the other one waits") {
          try await store.elsewhere { store in
            try await store.number("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
          }
        }
        _ = try await transaction.query("SELECT taskqueue.set_limit('bank', 5)")
      }
      try await other?.value
      #expect(try await store.number("SELECT operator_rate FROM taskqueue.limit_rule") == 7)
    }
  }

  @Test("All of them at once bring about no deadlock that shows", arguments: [1, 2, 3] as [UInt64])
  func stress(seed: UInt64) async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 12))
      try await database.query("ALTER DATABASE \(database.name) SET deadlock_timeout = '20ms'")
      let failures = await withTaskGroup(of: [String].self) { group in
        for worker in 0..<10 {
          group.addTask {
            var generator = SeededGenerator(seed: seed * 100 + UInt64(worker))
            var failures: [String] = []
            for _ in 0..<40 {
              do { try await step(store, &generator) } catch { failures.append("\(error)") }
            }
            return failures
          }
        }
        return await group.reduce(into: []) { $0 += $1 }
      }
      #expect(failures.isEmpty)
      await store.close()
    }
  }

  private func step(_ store: PostgresTaskStore, _ generator: inout SeededGenerator) async throws {
    let modes = [UniqueKey.Mode.keepExisting, .replace, .coalesce]
    switch Int.random(in: 0..<11, using: &generator) {
    case 0...3:
      let keys = (0..<30).shuffled(using: &generator).prefix(20)
      let mode = modes.randomElement(using: &generator) ?? .replace
      _ = try await store.enqueue(
        keys.map { key in try NewTask(Note(text: "x"), options: .with { $0.unique = UniqueKey("\(key)", mode: mode) }) }
      )
    case 4...6:
      let actions: [Settlement.Action] = [
        .complete, .release, .bury(.discarded, detail: nil, nil), .fail(.sample, retryAfter: .zero),
      ]
      let claimed = try await store.claimAll(20)
      let settlements = claimed.map { Settlement($0.claim, actions.randomElement(using: &generator) ?? .complete) }
      _ = try await store.exchange(settle: settlements.shuffled(using: &generator), claim: nil)
      _ = try await store.renew(claimed.map(\.claim), lease: .seconds(60))
    case 7:
      for task in try await store.tasks(after: nil, limit: 5).shuffled(using: &generator) {
        _ = try await store.cancel(task.id)
      }
    case 8: _ = try await store.redrive(.all)
    case 9:
      // One key after the other, against the order: such a transaction may be the deadlock's victim, but no call of ours beside it.
      _ = try? await store.pool.query(
        """
        SELECT taskqueue.enqueue('note', '{"text": "x"}', unique_key => k::text, unique_mode => 'coalesce')
        FROM generate_series(29, 0, -1) AS k
        """
      )
      for task in try await store.tasks(after: nil, limit: 5) {
        _ = try await store.runNow(task.id, expectedAttempt: 0)
      }
    default:
      _ = try await store.deleteDuplicates(
        .init(olderThan: TaskID(.max), type: "note", property: "text", value: "x", minPriority: 101)
      )
      if Bool.random(using: &generator) { _ = try await store.purge(.init(olderThan: .milliseconds(50))) }
      _ = try await store.dropExpiredKeys()
    }
  }
}
