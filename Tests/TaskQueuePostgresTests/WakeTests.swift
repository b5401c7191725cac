import EmbeddedPostgres
import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Waking workers")
struct WakeTests {
  /// Locks that this transaction took.
  private static let locks = LibpqStatement(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
  )

  @Test(
    "One transaction takes a bounded number of locks, however much it enqueues or receives",
    arguments: [
      "SELECT count(taskqueue.enqueue('note', '{}', queue => 'q' || i)) FROM generate_series(1, 10000) AS i",
      """
      SELECT count(taskqueue.enqueue('note', '{}', queue => 'q' || i, unique_key => 'k' || i, unique_mode => 'coalesce'))
      FROM generate_series(1, 10000) AS i
      """,
      "SELECT taskqueue._wake(ARRAY(SELECT 'q' || i FROM generate_series(1, 10000) AS i))",
      "SELECT count(taskqueue._lock_inbox_subject('source', 'subject' || i)::text) FROM generate_series(1, 10000) AS i",
      """
      SELECT count(r.task_id) FROM generate_series(1, 10000) AS i, taskqueue._receive_event('source', i::text, i::text, '1 h', 'note',
        '{}', 'q' || i, 100, NULL, NULL, 'k' || i, NULL, NULL, NULL, NULL, NULL, true) AS r
      """,
    ]
  )
  func boundedLocks(statement: String) async throws {
    try await withTestDatabase { database in
      let connection = try await LibpqConnection.connect(database.postgresConfiguration)
      let count = try await connection.withTransaction { transaction in
        try await transaction.executeScript(statement)
        return try await transaction.query(Self.locks)[0].int8(0)
      }
      #expect((1...1_024).contains(count))
      await connection.close()
    }
  }

  @Test("A transaction that enqueued without waking can be prepared; one that wakes cannot")
  func preparedTransaction() async throws {
    try await EmbeddedPostgres.with(settings: ["max_prepared_transactions": "4", "fsync": "off"]) { postgres in
      let configuration = LibpqConfiguration(postgres.connectionString)
      try await Migrator(configuration: configuration).migrate()
      let connection = try await LibpqConnection.connect(configuration)
      let statement = try NewTask(Note(text: "x")).enqueueStatement(wakes: false)
      for sql in ["taskqueue.enqueue('note', '{\"text\": \"x\"}', wakes => false)", nil] {
        try await connection.query("BEGIN")
        if let sql {
          try await connection.executeScript("SELECT \(sql)")
        } else {
          _ = try await connection.query(
            LibpqStatement(statement.text, statement.parameters.map { $0.map { .text($0) } ?? .null })
          )
        }
        try await connection.query("PREPARE TRANSACTION 'p'")
        try await connection.query("COMMIT PREPARED 'p'")
      }
      // One that leaves a slot for which another task waits.
      try await connection.executeScript(
        """
        SELECT taskqueue.declare_limit('bank');
        SELECT taskqueue.enqueue('note', '{}', queue => 'q', limit_name => 'bank', unique_key => key) FROM unnest('{a,b}'::text[]) AS key;
        UPDATE taskqueue.task SET slot = 1, ready = true WHERE unique_key = 'a'
        """
      )
      try await connection.executeScript(
        """
        BEGIN;
        SELECT taskqueue.enqueue('note', '{}', queue => 'q', unique_key => 'a', unique_mode => 'replace', wakes => false);
        PREPARE TRANSACTION 'p'
        """
      )
      try await connection.query("COMMIT PREPARED 'p'")
      try await connection.query("BEGIN")
      try await connection.query("SELECT taskqueue.enqueue('note', '{}')")
      await #expect(throws: LibpqError.self) { try await connection.query("PREPARE TRANSACTION 'p'") }
      await connection.close()
      let store = try PostgresTaskStore(.init(configuration))
      #expect(try await store.claimAll().map(\.text) == ["x", "x"])
      await store.close()
    }
  }

  @Test("Transactions that stay open do not keep others from waking workers", arguments: [1, 2])
  func openTransactions(columns: Int) async throws {
    try await withTestDatabase { database in
      let others = try await open(12, database, columns)
      let connection = try await LibpqConnection.connect(database.postgresConfiguration)
      var woke = 0
      for _ in 0..<60 {
        try await connection.withTransaction { transaction in
          try await transaction.executeScript(Self.enqueue(columns))
          if try await transaction.query(Self.locks)[0].int8(0) > 0 { woke += 1 }
        }
        try await connection.query("SELECT pg_sleep(0.02)")
      }
      #expect(woke >= 45)
      for other in others + [connection] { await other.close() }
    }
  }

  @Test("Behind open transactions tasks start at once, sooner than by a look")
  func startsAtOnce() async throws {
    try await withTestDatabase { database in
      let others = try await open(12, database, 1)
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      let (started, continuation) = AsyncStream<ContinuousClock.Instant>.makeStream()
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, _ in
        continuation.yield(.now)
        return .completed
      }
      var configuration = TaskWorkerConfiguration()
      configuration.minPollInterval = .seconds(2)
      configuration.maxPollInterval = .seconds(2)
      let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: .silent)
      try await run(worker) {
        var starts = started.makeAsyncIterator()
        var delays: [Duration] = []
        for number in 0..<30 {
          let enqueued = ContinuousClock.now
          _ = try await store.add("\(number)")
          if let start = await starts.next() { delays.append(start - enqueued) }
          // Into another moment of the locks.
          try await Task.sleep(for: .milliseconds(20))
        }
        #expect(delays.sorted()[15] < .milliseconds(60), "\(delays)")
      }
      for other in others { await other.close() }
      await store.close()
    }
  }

  @Test("Of transactions that enqueue at once few wake, whatever their number", arguments: [1, 2])
  func boundedRate(columns: Int) async throws {
    try await withTestDatabase { database in
      let start = ContinuousClock.now
      let connections = try await open(48, database, columns)
      var woke = 0
      for connection in connections {
        if try await connection.query(Self.locks)[0].int8(0) > 0 { woke += 1 }
      }
      let periods = Int((ContinuousClock.now - start) / .milliseconds(100)) + 2
      #expect((1...4 + periods).contains(woke))
      for connection in connections { await connection.close() }
    }
  }

  /// With two columns the general way is taken.
  private static func enqueue(_ columns: Int) -> String {
    "SELECT taskqueue.enqueue('note', '{}'\(columns == 1 ? "" : ", priority => 7"))"
  }

  /// Sessions that have enqueued and not committed.
  private func open(_ count: Int, _ database: TestDatabase, _ columns: Int) async throws -> [LibpqConnection] {
    var connections: [LibpqConnection] = []
    for _ in 0..<count { connections.append(try await LibpqConnection.connect(database.postgresConfiguration)) }
    for connection in connections {
      try await connection.query("BEGIN")
      try await connection.executeScript(Self.enqueue(columns))
    }
    return connections
  }
}
