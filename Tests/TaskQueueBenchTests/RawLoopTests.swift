import ChildProcesses
import Libpq
import Synchronization
import TaskQueue
import TaskQueueTestKit
import Testing

@testable import TaskQueueBench

@Suite("The raw loops do the work that the engine is compared with", .database(migrated: false), .serialized)
struct RawLoopTests {
  private func withDatabase(_ body: (BenchmarkDatabase) async throws -> Void) async throws {
    let connectionString = try #require(TestDatabase.current?.connectionString)
    let database = try await BenchmarkDatabase.open(connectionString, ownsServer: false)
    try await body(database)
    try await database.close()
  }

  private func drain(_ database: BenchmarkDatabase, _ columns: RawStatements.ClaimColumns) -> RawDrain {
    RawDrain(
      connectionString: database.connectionString,
      statements: database.statements,
      type: "bench.noop",
      batch: 100,
      columns: columns
    )
  }

  @Test("Two raw drains complete each task once and leave nothing")
  func drains() async throws {
    try await withDatabase { database in
      for columns in [RawStatements.ClaimColumns.necessary, .all] {
        try await database.fill(1_050)
        let drain = drain(database, columns)
        let counts = try await onThreads(2) { _ in try drain.run() }
        #expect(counts.reduce(0, +) == 1_050)
        #expect(try await database.count(where: "true") == 0)
        #expect(try await !database.isRecentReady())
      }
    }
  }

  @Test("A raw drain goes on until it is told to stop")
  func waits() async throws {
    try await withDatabase { database in
      try await database.fill(10)
      let drain = drain(database, .necessary)
      let asked = Atomic<Int>(0)
      let completed = try await onOwnThread {
        try drain.run { _ in asked.add(1, ordering: .relaxed).newValue == 3 }
      }
      #expect(completed == 10)
      #expect(asked.load(ordering: .relaxed) == 3)
    }
  }

  @Test("Single inserts, unnest and COPY store the same rows")
  func enqueues() async throws {
    try await withDatabase { database in
      let enqueue = RawEnqueue(
        connectionString: database.connectionString,
        statements: database.statements,
        type: "bench.noop"
      )
      let valid = "type = 'bench.noop' AND queue = 'default' AND ready AND payload ->> 'number' IS NOT NULL"
      let singles = try await onOwnThread { try enqueue.singles(for: .milliseconds(100)) }
      #expect(try await database.count(where: valid) == singles)
      try await database.empty()
      try await onOwnThread { try enqueue.bulk(total: 300, batch: 100) }
      #expect(try await database.count(where: valid) == 300)
      try await onOwnThread { try enqueue.copy(total: 300, batch: 100) }
      #expect(try await database.count(where: valid) == 600)
    }
  }

  @Test(
    "Raw transactions write one business row per completed task",
    arguments: [RawTransactions.RoundTrips.one, .two]
  )
  func transactions(in roundTrips: RawTransactions.RoundTrips) async throws {
    try await withDatabase { database in
      try await database.fill(40, type: Transactional.taskType)
      let loop = RawTransactions(
        connectionString: database.connectionString,
        statements: database.statements,
        type: Transactional.taskType.rawValue
      )
      let gate = StartGate(2)
      let counts = try await onThreads(2) { _ in
        try loop.run(20, in: roundTrips) { gate.wait() }
      }
      #expect(counts == [20, 20])
      #expect(try await database.count(where: "true") == 0)
      #expect(try await database.effects() == 40)
    }
  }

  @Test("Raw loops record each step of their tasks once")
  func steps() async throws {
    try await withDatabase { database in
      try await database.fill(2, type: BenchFlow.taskType)
      let loop = RawSteps(connectionString: database.connectionString, statements: database.statements)
      let gate = StartGate(2)
      _ = try await onThreads(2) { _ in try loop.run(15) { gate.wait() } }
      #expect(try await database.steps() == 30)
    }
  }

  @Test("A raw listener claims what the raw waker commits")
  func listener() async throws {
    try await withDatabase { database in
      let connectionString = database.connectionString
      let statements = database.statements
      let listener = RawListener(connectionString: connectionString, statements: statements, type: "bench.probe")
      let waker = RawWaker(
        connectionString: connectionString,
        statements: statements,
        work: .tasks("bench.probe")
      )
      let gate = StartGate(2)
      async let claims = onOwnThread { try listener.run(20) { gate.wait() } }
      let commits = try await onOwnThread {
        gate.wait()
        return try waker.run(20, interval: .milliseconds(2))
      }
      #expect(try await claims.count == 20)
      #expect(commits == commits.sorted())
      #expect(try await database.count(where: "true") == 0)
    }
  }

  @Test("A raw loop that fails says what the server said, and nobody waits for it for ever")
  func failure() async throws {
    try await withDatabase { database in
      let statements = RawStatements(schema: "nowhere")
      let loop = RawTransactions(connectionString: database.connectionString, statements: statements, type: "x")
      let gate = StartGate(2)
      let error = await #expect(throws: BenchmarkError.self) {
        _ = try await onThreads(2) { _ in try loop.run(1, in: .one) { gate.wait() } }
      }
      #expect(error?.description.contains("nowhere") == true)
    }
  }

  @Test("A snapshot that isn't held any more is noticed")
  func snapshot() async throws {
    try await withDatabase { database in
      let snapshot = try await HeldSnapshot.take(database)
      try await database.add(5)
      try await snapshot.release()
      // It sees rows, as a session does whose snapshot is newer than it should be.
      let newer = try await HeldSnapshot.take(database)
      await #expect(throws: BenchmarkError.self) { try await newer.release() }
    }
  }

  @Test("Rows in the future and dead letters are not due")
  func loads() async throws {
    try await withDatabase { database in
      try await database.empty()
      try await database.add(30, dueIn: .seconds(86_400))
      try await database.addDeadLetters(20)
      #expect(try await database.count(where: "NOT ready") == 30)
      #expect(try await !database.isRecentReady())
      #expect(try await database.deadLetters() == 20)
      let drain = drain(database, .necessary)
      #expect(try await onOwnThread { try drain.run() } == 0)
    }
  }

  @Test("The server's CPU time and log position grow with work", .enabled(if: isLinux))
  func resources() async throws {
    try await withDatabase { database in
      let before = try await ResourceReading.take(database)
      try await database.add(50_000)
      let after = try await ResourceReading.take(database)
      #expect(after.walBytes > before.walBytes + 50_000 * 50)
      let seconds = try #require(after.serverCPUSeconds(since: before))
      #expect(seconds > 0)
    }
  }
}

#if os(Linux)
  private let isLinux = true
#else
  private let isLinux = false
#endif
