import EmbeddedPostgres
import Foundation
import Libpq
import Logging
import Synchronization
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

/// What hangs, fails or blocks around a worker costs what it must and no more. Each test stands for a kind of fault.
@Suite("Nothing stalls a worker", .serialized)
struct EngineStallTests {
  private struct Slow: TaskPayload {
    static let taskType: TaskType = "slow"
    var number: Int
  }

  private static func worker(
    _ store: PostgresTaskStore,
    _ handlers: TaskHandlers,
    _ change: (inout TaskWorkerConfiguration) -> Void
  ) throws -> TaskWorker {
    var configuration = TaskWorkerConfiguration()
    configuration.shutdownGrace = .seconds(2)
    configuration.cancellationGrace = .seconds(1)
    change(&configuration)
    let logger = Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }
    return try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: logger)
  }

  /// Starts `run()`, and says whether and when it has returned.
  private final class Running: Sendable {
    let worker: TaskWorker
    private let end = Mutex<ContinuousClock.Instant?>(nil)
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ worker: TaskWorker) {
      self.worker = worker
      task.withLock { task in
        task = Task {
          try? await worker.run()
          end.withLock { $0 = .now }
        }
      }
    }

    /// Cancels the task that runs `run()`.
    func cancel() { task.withLock { $0?.cancel() } }

    var hasEnded: Bool { end.withLock { $0 != nil } }

    /// Shuts down. The limit is generous: what is tested is that there is one.
    func stop(within limit: Duration = .seconds(30)) async throws {
      worker.shutDown()
      try await eventually("run() returns", within: limit) { hasEnded }
    }
  }

  private final class Tally: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    func add(_ key: String) { counts.withLock { $0[key, default: 0] += 1 } }
    subscript(_ key: String) -> Int { counts.withLock { $0[key] ?? 0 } }
    var all: [String: Int] { counts.withLock { $0 } }
  }

  // MARK: What hangs (32)

  @Test(
    "S32 A shutdown ends although the connection that listens hangs, or that of an exchange",
    arguments: ["LISTEN%", "%"]
  )
  func hungBackend(pattern: String) async throws {
    try await withStore { store in
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, _ in .completed }
      let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(6) })
      let sql = """
        SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type = 'client backend' AND query LIKE '\(pattern)'
        """
      try await eventually("the worker is connected") { try await store.pool.query(LibpqStatement(sql)).rowCount > 0 }
      let rows = try await store.pool.query(LibpqStatement(sql))
      let processes = try rows.rows.map { try $0.int4(0) }
      for process in processes { kill(process, SIGSTOP) }
      defer { for process in processes { kill(process, SIGCONT) } }
      try await running.stop()
    }
  }

  @Test("S32 A server that stops answering ends neither the watch over leases nor a shutdown")
  func partition() async throws {
    let postgres = try await EmbeddedPostgres.start()
    let configuration = LibpqConfiguration(postgres.connectionString)
    try await Migrator(configuration: configuration).migrate()
    let store = try PostgresTaskStore(.init(configuration))
    let tally = Tally()
    var handlers = TaskHandlers()
    try handlers.register(Note.self) { _, _ in
      tally.add("started")
      do { try await Task.sleep(for: .seconds(300)) } catch {
        tally.add("cancelled")
        throw error
      }
      return .completed
    }
    try await TaskClient(store: store).enqueue(Note(text: "x"))
    let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(4) })
    try await eventually("it runs") { tally["started"] == 1 }
    postgres.pause()
    try await eventually("its handler is told that the lease is lost", within: .seconds(30)) { tally["cancelled"] == 1 }
    try await running.stop()
    postgres.resume()
    await store.close()
    await postgres.stop()
  }

  // MARK: Connections (31)

  @Test("S31 A worker that has ended leaves no connection behind, however it ended", arguments: [true, false])
  func leftConnections(isCancelled: Bool) async throws {
    try await withStore { store in
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, _ in .completed }
      let admin = try await LibpqConnection.connect(store.configuration.connection)
      let running = Running(
        try Self.worker(store, handlers) {
          $0.lease = .seconds(6)
          $0.shutdownGrace = .zero
          $0.cancellationGrace = .zero
        }
      )
      let listeners = LibpqStatement(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^(UN)?LISTEN'"
      )
      try await eventually("the worker listens") { try await admin.query(listeners).rowCount == 1 }
      try await admin.executeScript("BEGIN; LOCK TABLE taskqueue.task IN ACCESS EXCLUSIVE MODE")
      try await eventually("a call hangs") {
        try await admin.query("SELECT FROM pg_locks WHERE NOT granted").rowCount > 0
      }
      if isCancelled { running.cancel() } else { running.worker.shutDown() }
      try await eventually("run() returns", within: .seconds(30)) { running.hasEnded }
      try await admin.executeScript("ROLLBACK")
      try await eventually("its connections are given back") {
        let counts = store.enginePool.counts
        return try await admin.query(listeners).rowCount == 0 && counts.lent == 0
      }
      await admin.close()
    }
  }

  @Test("S31 Handlers that hold all connections of the app keep nobody's lease from being renewed")
  func starvedLeases() async throws {
    try await withTestDatabase { database in
      let configuration = PostgresStoreConfiguration(database.postgresConfiguration, maxConnections: 2)
      let first = try PostgresTaskStore(configuration)
      let second = try PostgresTaskStore(configuration)
      let tally = Tally()
      let client = TaskClient(store: first)
      func handlers(_ store: PostgresTaskStore) throws -> TaskHandlers {
        let client = TaskClient(store: store)
        var handlers = TaskHandlers()
        try handlers.register(Slow.self) { _, _ in
          tally.add("slow")
          try await Task.sleep(for: .seconds(8))
          tally.add("slow done")
          return .completed
        }
        try handlers.register(Note.self) { _, context in
          try await client.withCompletion(of: context) { _ = try await $0.query("SELECT pg_sleep(0.5)") }
          return .settledInTransaction
        }
        return handlers
      }
      try await client.enqueue(all: (1...3).map { Slow(number: $0) })
      let one = Running(try Self.worker(first, try handlers(first)) { $0.lease = .seconds(3) })
      try await eventually("the slow ones run") { tally["slow"] == 3 }
      try await client.enqueue(all: (1...40).map { Note(text: "\($0)") })
      let two = Running(try Self.worker(second, try handlers(second)) { $0.lease = .seconds(3) })
      try await eventually("the slow ones are done", within: .seconds(60)) { tally["slow done"] >= 3 }
      #expect(tally["slow"] == 3, "each of them once")
      try await one.stop()
      try await two.stop()
      await first.close()
      await second.close()
    }
  }

  @Test("S31 A handler that asks for a second connection inside its transaction gets an error that says what to do")
  func nestedEnqueue() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let errors = Mutex<[String]>([])
      var handlers = TaskHandlers()
      try handlers.register(Note.self, options: .init(maxAttempts: 1)) { _, context in
        do {
          try await client.withCompletion(of: context) { transaction in
            try await transaction.query("SELECT 1")
            try await client.enqueue(Slow(number: 1))
          }
        } catch {
          errors.withLock { $0.append("\(error)") }
          throw error
        }
        return .settledInTransaction
      }
      try await client.enqueue(all: (1...20).map { Note(text: "\($0)") })
      let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(6) })
      try await eventually("all failed", within: .seconds(60)) {
        try await client.deadLetters().count == 20
      }
      #expect(errors.withLock { $0.first?.contains("transaction") } == true)
      try await running.stop()
    }
  }

  // MARK: Outcomes (34)

  @Test("S34 Outcomes outlive a lock on the table and a server that turned read-only; every task runs once")
  func keptOutcomes() async throws {
    try await withTestDatabase { database in
      let string = database.connectionString + "?options=" + "-c%20statement_timeout%3D1000"
      let store = try PostgresTaskStore(.init(LibpqConfiguration(string)))
      let tally = Tally()
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { note, _ in
        tally.add(note.text)
        try await Task.sleep(for: .seconds(2))
        return .completed
      }
      let client = TaskClient(store: store)
      try await client.enqueue(all: (1...20).map { Note(text: "\($0)") })
      let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(20) })
      try await eventually("they run") { tally.all.count == 20 }
      let admin = try await LibpqConnection.connect(
        LibpqConfiguration(database.connectionString + "?options=-c%20default_transaction_read_only%3Doff")
      )
      try await admin.executeScript(
        "BEGIN; LOCK TABLE taskqueue.task IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3); COMMIT"
      )
      try await admin.executeScript(
        """
        ALTER DATABASE \(database.name) SET default_transaction_read_only = on;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        """
      )
      try await Task.sleep(for: .seconds(2))
      try await admin.executeScript("ALTER DATABASE \(database.name) RESET default_transaction_read_only")
      try await eventually("all are recorded", within: .seconds(60)) { try await client.counts().isEmpty }
      #expect(tally.all.values.allSatisfy { $0 == 1 })
      try await running.stop()
      await admin.close()
      await store.close()
    }
  }

  // MARK: Handlers (35)

  /// Ways not to suspend.
  enum Blocking: CaseIterable, Sendable {
    case sleeps, computes, sleepsInMore

    var count: Int { ProcessInfo.processInfo.activeProcessorCount * (self == .sleepsInMore ? 3 : 1) }

    func block(for seconds: UInt32) {
      guard self == .computes else {
        _ = sleep(seconds)
        return
      }
      let end = ContinuousClock.now + .seconds(seconds)
      while ContinuousClock.now < end {}
    }
  }

  @Test("S35 Handlers that block all of Swift's threads keep no lease from being renewed", arguments: Blocking.allCases)
  func blockingHandlers(_ blocking: Blocking) async throws {
    try await withStore { store in
      let tally = Tally()
      var handlers = TaskHandlers()
      try handlers.register(Slow.self) { task, _ in
        tally.add("\(task.number)")
        blocking.block(for: 4)
        return .completed
      }
      let count = blocking.count
      try await TaskClient(store: store).enqueue(all: (1...count).map { Slow(number: $0) })
      let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(2) })
      try await eventually("all are done", within: .seconds(60)) {
        try await TaskClient(store: store).counts().isEmpty
      }
      #expect(tally.all.count == count && tally.all.values.allSatisfy { $0 == 1 })
      try await running.stop()
    }
  }

  @Test("S35 A handler that ignores its timeout loses its slot, and its attempt counts as a failure")
  func ignoredTimeout() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let tally = Tally()
      var handlers = TaskHandlers()
      try handlers.register(Slow.self, options: .init(maxAttempts: 1, timeout: .seconds(1))) { _, _ in
        tally.add("started")
        let end = ContinuousClock.now + .seconds(12)
        while ContinuousClock.now < end {
          try? await Task.sleep(for: .milliseconds(200))
          await Task.yield()
        }
        return .completed
      }
      try handlers.register(Note.self) { _, _ in
        tally.add("next")
        return .completed
      }
      let id = try await client.enqueue(Slow(number: 1)).id
      let running = Running(
        try Self.worker(store, handlers) {
          $0.lease = .seconds(6)
          $0.concurrency = 1
        }
      )
      try await eventually("it runs") { tally["started"] == 1 }
      try await client.enqueue(Note(text: "next"))
      try await eventually("its slot is free", within: .seconds(10)) { tally["next"] == 1 }
      try await eventually("its attempt is a failure") { try await client.deadLetters().count == 1 }
      let letter = try await client.deadLetters().first
      #expect(letter?.id == id && letter?.errors.first?.errorType.contains("TaskTimedOut") == true)
      try await running.stop()
    }
  }

  @Test("S38 A serialization failure in a handler's own transaction is retried at once, and counts as no failure")
  func serializationFailure() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let tally = Tally()
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, _ in
        tally.add("tries")
        if tally["tries"] < 4 {
          var error = LibpqError(.server, "could not serialize access", sqlState: "40001")
          error.hint = nil
          throw error
        }
        return .completed
      }
      try await client.enqueue(Note(text: "x"))
      let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(30) })
      try await eventually("it is done") { try await client.counts().isEmpty }
      #expect(tally["tries"] == 4)
      try await running.stop()
    }
  }

  @Test("S38 A completion at REPEATABLE READ that meets a heartbeat is done anew in the same attempt")
  func repeatableRead() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let tries = Mutex(0)
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, context in
        let isFirst = tries.withLock { tries in
          tries += 1
          return tries == 1
        }
        try await store.pool.withTransaction(.init(isolationLevel: .repeatableRead)) { transaction in
          try await transaction.query("SELECT count(*) FROM taskqueue.task")
          // Somebody touches the row, as a renewal does.
          if isFirst {
            try await store.elsewhere { store in
              _ = try await store.pool.query("UPDATE taskqueue.task SET lease_until = lease_until + interval '1 s'")
            }
          }
          try await client.complete(context, in: transaction)
        }
        #expect(context.attempt == 1 && context.failures == 0)
        return .settledInTransaction
      }
      try await client.enqueue(Note(text: "x"))
      let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(30) })
      try await eventually("it is done") { try await client.counts().isEmpty }
      #expect(tries.withLock { $0 } == 2)
      try await running.stop()
    }
  }

  // MARK: Beside others (33)

  @Test("S33 One task whose row is locked holds up neither other tasks nor their outcomes")
  func lockedRow() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let tally = Tally()
      var handlers = TaskHandlers()
      try handlers.register(Slow.self) { _, _ in
        tally.add("slow")
        try await Task.sleep(for: .milliseconds(700))
        return .completed
      }
      try handlers.register(Note.self) { note, _ in
        tally.add(note.text)
        return .completed
      }
      let options = EnqueueOptions.with { $0.unique = UniqueKey("k", mode: .coalesce) }
      try await client.enqueue(Slow(number: 1), options: options)
      let running = Running(try Self.worker(store, handlers) { $0.lease = .seconds(30) })
      try await eventually("it runs") { tally["slow"] == 1 }
      try await store.pool.withTransaction { transaction in
        try await client.enqueue(Slow(number: 2), options: options, in: transaction)
        try await Task.sleep(for: .seconds(1))
        try await store.elsewhere { store in
          let client = TaskClient(store: store)
          try await client.enqueue(all: (1...40).map { Note(text: "\($0)") })
          try await eventually("the others are done", within: .seconds(20)) {
            try await client.counts().allSatisfy { $0.type == Slow.taskType }
          }
        }
      }
      try await eventually("the locked one runs once more and ends") { try await client.counts().isEmpty }
      #expect(tally["slow"] == 2)
      try await running.stop()
    }
  }

  @Test(
    "A second run() of a worker is refused, and the first one ends",
    arguments: ["beside it", "after it", "after a shutdown"]
  )
  func runTwice(_ moment: String) async throws {
    try await withStore { store in
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, _ in .completed }
      let running = Running(try Self.worker(store, handlers) { _ in })
      try await eventually("it looks") { store.enginePool.counts.idle > 0 }
      if moment != "beside it" { running.worker.shutDown() }
      if moment == "after it" { try await running.stop() }
      await #expect(throws: TaskQueueError.self) { try await running.worker.run() }
      try await running.stop()
    }
  }
}
