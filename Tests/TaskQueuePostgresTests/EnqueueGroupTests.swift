import EmbeddedPostgres
import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("Grouping of single enqueues")
struct EnqueueGroupTests {
  /// Each statement of this trigger's sleeps: whoever comes meanwhile has to wait.
  private static let slow = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER INSERT ON taskqueue.task FOR EACH STATEMENT EXECUTE FUNCTION slow();
    """

  /// One concurrent enqueue per text.
  private func enqueue(
    _ texts: [String],
    through store: PostgresTaskStore
  ) async -> [String: Result<EnqueueResult, TaskQueueError>] {
    await withTaskGroup(of: (String, Result<EnqueueResult, TaskQueueError>).self) { group in
      for text in texts {
        group.addTask {
          let json = text.hasPrefix("bad") ? Data("{".utf8) : Data(#"{"text":"\#(text)"}"#.utf8)
          do {
            return (text, .success(try await store.enqueue([NewTask(type: "note", json: json)])[0]))
          } catch {
            return (text, .failure(error as? TaskQueueError ?? TaskQueueError(.storeFailed, "not a TaskQueueError")))
          }
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
  }

  private func idsByText(_ store: PostgresTaskStore) async throws -> [String: Int64] {
    let rows = try await store.pool.query("SELECT payload ->> 'text', id FROM taskqueue.task").rows
    return try rows.reduce(into: [:]) { $0[try $1.text(0)] = try $1.int8(1) }
  }

  @Test("Concurrent enqueues share commits, and everybody gets the id of the own task")
  func sharing() async throws {
    try await withStore { store in
      try await store.pool.executeScript(Self.slow)
      let outcomes = await enqueue((0..<60).map { "\($0)" }, through: store)
      let stored = try await idsByText(store)
      #expect(stored.count == 60)
      for (text, outcome) in outcomes {
        let result = try outcome.get()
        #expect(result.isNew)
        #expect(result.id.rawValue == stored[text])
      }
      // Two lead before anybody waits; the others went in groups.
      let commits = try await store.number("SELECT count(DISTINCT xmin::text) FROM taskqueue.task")
      #expect(commits <= 30)
      #expect(store.pool.counts.idle <= EnqueueGroups.maxGroups)
    }
  }

  @Test("A task that PostgreSQL refuses fails its own caller only")
  func refusal() async throws {
    try await withStore { store in
      try await store.pool.executeScript(Self.slow)
      let outcomes = await enqueue((0..<40).map { $0 % 13 == 7 ? "bad\($0)" : "\($0)" }, through: store)
      let stored = try await idsByText(store)
      for (text, outcome) in outcomes {
        switch outcome {
        case .success(let result):
          #expect(!text.hasPrefix("bad"))
          #expect(stored[text] == result.id.rawValue)
        case .failure(let error):
          #expect(text.hasPrefix("bad"), "\(text): \(error)")
          #expect(error.code == .encodingFailed)
        }
      }
      #expect(stored.count == 37)
    }
  }

  /// Twelve callers whose group waits for a lock on the table: two lead, and wait for the only connection first; ten wait for them.
  private func enqueueBehindLock(
    of other: LibpqConnection,
    _ store: PostgresTaskStore
  ) async throws -> [Task<EnqueueResult, any Error>] {
    let tasks = try await store.pool.withConnection { _ in
      let tasks = (0..<12).map { number in Task { try await store.add("\(number)") } }
      try await eventually("all have come") { store.groups.waiterCount == 10 && store.pool.counts.waiting == 2 }
      try await other.executeScript("BEGIN; LOCK TABLE taskqueue.task IN SHARE MODE")
      return tasks
    }
    try await eventually("a group waits for the table's lock") {
      let waiting = try await other.query("SELECT count(*) FROM pg_locks WHERE NOT granted")[0].int8(0)
      return waiting == 1 && store.groups.waiterCount == 0
    }
    return tasks
  }

  @Test("A cancelled leader's group is stored all the same, and cancelled waiting callers disturb nobody")
  func cancellation() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 1))
      let other = try await LibpqConnection.connect(database.postgresConfiguration)
      let tasks = try await enqueueBehindLock(of: other, store)
      let survivors = [3, 7, 11]
      for (number, task) in tasks.enumerated() where !survivors.contains(number) { task.cancel() }
      try await eventually("the other leader has given up") { store.pool.counts.waiting == 0 }
      for _ in 0..<20 { _ = try await other.query("SELECT 1") }
      try await other.executeScript("COMMIT")
      var reported: [String: Int64] = [:]
      var failureCount = 0
      for (number, task) in tasks.enumerated() {
        switch await task.result {
        case .success(let result): reported["\(number)"] = result.id.rawValue
        case .failure: failureCount += 1
        }
      }
      let stored = try await idsByText(store)
      #expect(failureCount <= 1)
      #expect(reported == stored)
      // The queue goes on.
      _ = try await store.add("after")
      await other.close()
      await store.close()
    }
  }

  @Test("Callers of a shared statement that are all cancelled do not wait for the lock that it waits for")
  func allCancelled() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 1))
      let other = try await LibpqConnection.connect(database.postgresConfiguration)
      let tasks = try await enqueueBehindLock(of: other, store)
      for task in tasks { task.cancel() }
      for task in tasks { await #expect(throws: TaskQueueError.self) { try await task.value } }
      try await other.executeScript("COMMIT")
      #expect(try await idsByText(store).isEmpty)
      _ = try await store.add("after")
      await other.close()
      await store.close()
    }
  }

  @Test("S31 No caller waits for a connection for longer than the limit, also one that waits for others who wait")
  func exhaustedPool() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 1))
      try await store.pool.withConnection { _ in
        let start = ContinuousClock.now
        let tasks = (0..<12).map { number in Task { try await store.add("\(number)") } }
        for task in tasks { await #expect(throws: TaskQueueError.self) { try await task.value } }
        #expect(ContinuousClock.now - start < store.pool.acquireTimeout + .seconds(5))
      }
      _ = try await store.add("after")
      await store.close()
    }
  }

  @Test("S31 Nor does one wait for others who try to connect to a silent server")
  func silentServer() async throws {
    let postgres = try await EmbeddedPostgres.start()
    postgres.pause()
    var connection = LibpqConfiguration(postgres.connectionString)
    connection.connectTimeout = .seconds(2)
    let store = try PostgresTaskStore(.init(connection, maxConnections: 2))
    let start = ContinuousClock.now
    let tasks = (0..<20).map { number in Task { try await store.add("\(number)") } }
    for task in tasks { await #expect(throws: TaskQueueError.self) { try await task.value } }
    #expect(ContinuousClock.now - start < .seconds(8))
    await store.close()
    await postgres.stop()
  }

  @Test(
    "A backend killed while callers wait: each gets an id or an error, and the table is what was reported",
    arguments: 0..<4
  )
  func kills(seed: Int) async throws {
    try await withStore { store in
      try await store.pool.executeScript(Self.slow)
      let killer = try await LibpqConnection.connect(store.configuration.connection)
      let outcomes = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for round in 0..<8 {
            // Somewhere in the course of a statement, or between two.
            let wait = 0.02 + Double(round * 4 + seed) * 0.003
            try await killer.query("SELECT pg_sleep($1)", [.float8(wait)])
            try await killer.query(
              """
              SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%enqueue_many%'
              """
            )
          }
        }
        var outcomes: [String: Result<EnqueueResult, TaskQueueError>] = [:]
        for round in 0..<6 {
          outcomes.merge(await enqueue((0..<30).map { "\(round)-\($0)" }, through: store)) { _, new in new }
        }
        try await group.waitForAll()
        return outcomes
      }
      await killer.close()
      let stored = try await idsByText(store)
      #expect(outcomes.count == 180)
      var uncertain = 0
      for (text, outcome) in outcomes {
        switch outcome {
        case .success(let result): #expect(stored[text] == result.id.rawValue, "\(text) was reported as stored")
        case .failure(let error) where error.code == .outcomeUnknown: uncertain += 1
        case .failure(let error): #expect(stored[text] == nil, "\(text) was reported as not stored: \(error)")
        }
      }
      #expect(stored.count <= outcomes.count)
      let succeeded = outcomes.values.count { if case .success = $0 { true } else { false } }
      #expect(stored.count >= succeeded && stored.count <= succeeded + uncertain)
    }
  }

  @Test("Tasks with a unique key go by themselves: a key that is locked holds up nobody else")
  func uniqueKeys() async throws {
    try await withStore { store in
      let pool = LibpqPool(store.configuration.connection, maxConnections: 1)
      try await pool.withTransaction { transaction in
        let options = EnqueueOptions.with { $0.unique = UniqueKey("k") }
        try await TaskClient(store: store).enqueue(Note(text: "first"), options: options, in: transaction)
        try await withThrowingTaskGroup(of: EnqueueResult.self) { group in
          for number in 0..<3 { group.addTask { try await store.add("\(number)") { $0.unique = UniqueKey("k") } } }
          try await eventually("all of them wait for the key") { store.pool.counts.lent == 3 }
          for number in 0..<20 { _ = try await store.add("free \(number)") }
          group.cancelAll()
          while let result = await group.nextResult() { #expect(throws: (any Error).self) { try result.get() } }
        }
      }
      await pool.close()
      #expect(try await store.claimAll().count == 21)
    }
  }
}
