import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("Bulk enqueue")
struct BulkEnqueueTests {
  struct Stop: Error {}

  /// Cycles through every option but unique keys.
  private func tasks(_ count: Int) throws -> [NewTask] {
    try (0..<count).map { number in
      let options = EnqueueOptions.with {
        switch number % 9 {
        case 1: $0.queue = "mail"
        case 2: $0.priority = -32_768
        case 3: $0.schedule = .after(.seconds(100))
        case 4: $0.schedule = .at(Date(timeIntervalSince1970: 4_000_000_000.25))
        case 5: $0.maxAttempts = 1_000_000
        case 6: $0.headers = ["a": "\"ü\n"]
        case 7: $0.retry = .exponential(base: .seconds(3), factor: 1.5, cap: .seconds(99), jitter: 0.25)
        case 8:
          $0.deadline = Date(timeIntervalSince1970: 3_000_000_000.5)
          $0.schedule = .after(.seconds(-5))
        default: break
        }
      }
      return try NewTask(Note(text: "hällo \(number)"), options: options)
    }
  }

  @Test(
    "Arrays of unlike lengths are refused, not cut",
    arguments: ["'{note}', '{1,2}'", "'{note,note}', '{1}'", "'{}', '{1}'"]
  )
  func unlikeLengths(arrays: String) async throws {
    try await withStore { store in
      let call =
        "SELECT taskqueue._enqueue_many(\(arrays), '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', true)"
      let error = await #expect(throws: LibpqError.self) { try await store.pool.query(LibpqStatement(call)) }
      #expect(error?.sqlState == "23502")
      let count = try await store.number("SELECT count(*) FROM taskqueue.task")
      #expect(count == 0)
    }
  }

  @Test("S14 COPY and enqueue_many store the same rows, with every option, also in a transaction")
  func sameRows() async throws {
    try await withStore { store in
      let tasks = try tasks(TaskCopy.minTasks)
      #expect(TaskCopy.suits(tasks))
      let copied = try await store.enqueue(tasks)
      let rowsOfCopy = try await store.storedRows()
      #expect(
        try await store.number("SELECT count(*) FROM taskqueue.task WHERE created_at > now() - interval '1 minute'")
          == 500
      )
      try await store.pool.executeScript("TRUNCATE taskqueue.task")
      try await store.pool.withTransaction { _ = try await store.enqueue(tasks, in: $0) }
      #expect(try await store.storedRows() == rowsOfCopy)
      try await store.pool.executeScript("TRUNCATE taskqueue.task")
      for start in stride(from: 0, to: tasks.count, by: 100) {
        let part = Array(tasks[start..<start + 100])
        #expect(!TaskCopy.suits(part))
        _ = try await store.enqueue(part)
      }
      #expect(try await store.storedRows() == rowsOfCopy)
      #expect(rowsOfCopy.count == 500)
      #expect(copied.map(\.isNew) == Array(repeating: true, count: tasks.count))
    }
  }

  @Test("S14 Ids come in the order of the tasks, over several COPY statements")
  func order() async throws {
    try await withStore { store in
      let payloads = (0..<TaskCopy.maxTasks * 2 + 7).map { Note(text: "\($0)") }
      let results = try await TaskClient(store: store).enqueue(all: payloads)
      #expect(results.count == payloads.count)
      #expect(results.map(\.id) == results.map(\.id).sorted())
      let rows = try await store.pool.query("SELECT id, payload ->> 'text' FROM taskqueue.task ORDER BY id").rows
      let ids = try rows.map { try $0.int8(0) }
      let texts = try rows.map { try $0.text(1) }
      #expect(ids == results.map(\.id.rawValue))
      #expect(texts == payloads.map(\.text))
    }
  }

  @Test("S14 One bad payload in a big bulk stores none", arguments: ["{", "\"\\ud800\"x", ""])
  func badPayload(json: String) async throws {
    try await withStore { store in
      var tasks = try tasks(30_000)
      tasks[25_000] = try NewTask(type: "note", json: Data(json.utf8))
      let error = await #expect(throws: TaskQueueError.self) { try await store.enqueue(tasks) }
      #expect(error?.code == .encodingFailed)
      #expect(try await store.counts().isEmpty)
      _ = try await store.add("after")
    }
  }

  @Test("S11 A rollback and a rolled-back savepoint leave nothing of a COPY")
  func rollback() async throws {
    try await withStore { store in
      let tasks = try tasks(1_000)
      await #expect(throws: Stop.self) {
        try await store.pool.withTransaction { transaction in
          _ = try await store.enqueue(tasks, in: transaction)
          #expect(try await transaction.query("SELECT count(*) FROM taskqueue.task")[0].int8(0) == 1_000)
          #expect(try await store.elsewhere { try await $0.counts().isEmpty })
          throw Stop()
        }
      }
      try await store.pool.withTransaction { transaction in
        await #expect(throws: Stop.self) {
          try await transaction.withSavepoint {
            _ = try await store.enqueue(tasks, in: transaction)
            throw Stop()
          }
        }
        try await TaskClient(store: store).enqueue(Note(text: "kept"), in: transaction)
      }
      #expect(try await store.claimAll().map(\.text) == ["kept"])
    }
  }

  @Test("S16 A bulk with one unique key goes by enqueue_many and keeps the key's promise")
  func uniqueKeys() async throws {
    try await withStore { store in
      var tasks = try tasks(600)
      for index in [3, 500] {
        tasks[index] = try NewTask(Note(text: "u"), options: .with { $0.unique = UniqueKey("k") })
      }
      #expect(!TaskCopy.suits(tasks))
      let results = try await store.enqueue(tasks)
      #expect(results[3].id == results[500].id)
      #expect((results[3].isNew, results[500].isNew) == (true, false))
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task") == 599)
    }
  }

  @Test("S15 What is wrong with one payload of many is found before any SQL")
  func tooLarge() async throws {
    let store = try PostgresTaskStore(.init(LibpqConfiguration("host=/nowhere")))
    var payloads = (0..<20_000).map { Note(text: "\($0)") }
    payloads[19_000] = Note(text: String(repeating: "x", count: Limits.payloadBytes))
    let client = TaskClient(store: store)
    await #expect { try await client.enqueue(all: payloads) } throws: {
      ($0 as? TaskQueueError)?.code == .payloadTooLarge
    }
    await store.close()
  }

  @Test("A COPY wakes the queues that got a task which is due, and no others")
  func wakeUps() async throws {
    try await withStore { store in
      let (hints, continuation) = AsyncStream<StoreHint>.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await store.watch { continuation.yield($0) } }
        var iterator = hints.makeAsyncIterator()
        #expect(await iterator.next() == .resync)
        let tasks = try (0..<1_000).map { number in
          try NewTask(
            Note(text: "\(number)"),
            options: .with {
              $0.queue = number % 2 == 0 ? "now" : "later"
              if number % 2 == 1 { $0.schedule = .after(.seconds(60)) }
            }
          )
        }
        _ = try await store.enqueue(tasks)
        #expect(await iterator.next() == .tasksAvailable("now"))
        _ = try await TaskClient(store: store).enqueue(all: (0..<600).map { Note(text: "\($0)") })
        #expect(await iterator.next() == .tasksAvailable(.default))
        group.cancelAll()
        try await group.waitForAll()
      }
    }
  }

  @Test("S28 A backend killed during a bulk leaves all of it or nothing, as reported", arguments: 0..<4)
  func kill(seed: Int) async throws {
    try await withStore { store in
      let killer = try await LibpqConnection.connect(store.configuration.connection)
      let tasks = try tasks(60_000)
      let outcome: Result<Int, any Error> = try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await killer.query("SELECT pg_sleep($1)", [.float8(0.05 + Double(seed) * 0.15)])
          try await killer.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
          )
        }
        let outcome: Result<Int, any Error>
        do { outcome = .success(try await store.enqueue(tasks).count) } catch { outcome = .failure(error) }
        try await group.waitForAll()
        return outcome
      }
      await killer.close()
      let count = try await store.number("SELECT count(*) FROM taskqueue.task")
      switch outcome {
      case .success(let stored): #expect((stored, count) == (60_000, 60_000))
      case .failure(let error as TaskQueueError) where error.code == .outcomeUnknown:
        #expect([0, 60_000].contains(count))
      case .failure(let error):
        #expect((error as? TaskQueueError)?.isRetrySafe == true)
        #expect(count == 0)
      }
    }
  }

  @Test("A schema whose name needs quoting takes bulks, too")
  func quotedSchema() async throws {
    try await withTestDatabase(migrated: false) { database in
      let schema = #"it's "mine""#
      try await Migrator(configuration: database.postgresConfiguration, schema: schema).migrate()
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, schema: schema))
      _ = try await store.enqueue(try tasks(600))
      #expect(try await store.counts().reduce(0) { $0 + $1.count } == 600)
      await store.close()
    }
  }
}

extension PostgresTaskStore {
  /// Everything of the rows but their ids, with the clock taken out.
  fileprivate func storedRows() async throws -> [String] {
    let rows = try await pool.query(
      """
      SELECT concat_ws('|', queue, type, priority, ready, attempt, failures, crashes, rerun, cancel_requested, max_attempts,
        deadline, payload, headers::jsonb, retry::jsonb, lease_until, finished_at, unique_key, unique_period, errors, lease_token,
        CASE WHEN due_at < created_at + interval '1 day' THEN (due_at - created_at)::text ELSE due_at::text END)
      FROM taskqueue.task ORDER BY id
      """
    ).rows
    return try rows.map { try $0.text(0) }
  }
}
