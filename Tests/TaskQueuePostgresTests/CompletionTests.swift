import Foundation
import Libpq
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("Completions with statements")
struct CompletionTests {
  /// A store, claimed tasks, and a table with one row per number that was written.
  struct Scene {
    let store: PostgresTaskStore
    let claimed: [ClaimedTask]
    var client: TaskClient<PostgresTaskStore> { TaskClient(store: store) }

    init(_ store: PostgresTaskStore, tasks count: Int) async throws {
      self.store = store
      try await store.pool.executeScript("CREATE TABLE effect (number bigint PRIMARY KEY CHECK (number >= 0))")
      if count > 0 { try await TaskClient(store: store).enqueue(all: (0..<count).map { CrashTask(number: Int64($0)) }) }
      let request = ClaimRequest(
        queues: [.default],
        types: [CrashTask.taskType],
        limit: max(count, 1),
        lease: .seconds(60),
        promotesDue: false
      )
      claimed = try await store.exchange(settle: [], claim: request).claimed
      #expect(claimed.count == count)
    }

    func insert(_ number: Int) -> LibpqStatement {
      LibpqStatement("INSERT INTO effect VALUES ($1) RETURNING number", [.int8(Int64(number))], name: "insert_effect")
    }

    @discardableResult
    func complete(_ index: Int, _ statements: LibpqStatement...) async throws -> [LibpqResult] {
      try await complete(index, statements: statements)
    }

    @discardableResult
    func complete(_ index: Int, statements: [LibpqStatement]) async throws -> [LibpqResult] {
      try await client.complete(TaskContext(task: claimed[index]), with: statements)
    }

    func written() async throws -> [Int64] {
      try await store.pool.query("SELECT number FROM effect ORDER BY number").rows.map { try $0.int8(0) }
    }

    /// Numbers of the tasks that are still there.
    func left() async throws -> [Int64] {
      try await store.pool.query("SELECT (payload ->> 'number')::int8 FROM taskqueue.task ORDER BY 1").rows
        .map { try $0.int8(0) }
    }
  }

  @Test("S1 A completion, its statements and its follow-up tasks commit together")
  func together() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 1)
      let results = try await scene.client.complete(
        TaskContext(task: scene.claimed[0]),
        with: [scene.insert(1), scene.insert(2)],
        enqueuing: [NewTask(CrashTask(number: 7)), NewTask(CrashTask(number: 8))]
      )
      let numbers = try results.map { try $0[0].int8(0) }
      #expect(numbers == [1, 2])
      #expect(try await scene.written() == [1, 2])
      #expect(try await scene.left() == [7, 8])
    }
  }

  @Test("S1 A statement that is refused leaves the task, and nothing of the others")
  func refused() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 1)
      for statements in [[scene.insert(1), scene.insert(-1)], [scene.insert(1), LibpqStatement("nonsense")]] {
        let error = await #expect(throws: LibpqError.self) {
          try await scene.client.complete(
            TaskContext(task: scene.claimed[0]),
            with: statements,
            enqueuing: [NewTask(CrashTask(number: 7))]
          )
        }
        #expect(error?.sqlState == (statements[1].sql == "nonsense" ? "42601" : "23514"))
      }
      #expect(try await scene.written().isEmpty)
      #expect(try await scene.left() == [0])
      try await scene.complete(0, scene.insert(1))
      #expect(try await scene.left().isEmpty)
    }
  }

  @Test("S4 A claim that has lost its task runs no statement and stores no follow-up task")
  func lostLease() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 1)
      _ = try await store.exchange(settle: [Settlement(scene.claimed[0].claim, .release)], claim: nil)
      let error = await #expect(throws: TaskQueueError.self) {
        try await scene.client.complete(
          TaskContext(task: scene.claimed[0]),
          with: [scene.insert(1), LibpqStatement("SELECT 1 / 0")],
          enqueuing: [NewTask(CrashTask(number: 7))]
        )
      }
      #expect(error?.code == .leaseLost)
      #expect(try await scene.written().isEmpty)
      #expect(try await scene.left() == [0])
    }
  }

  @Test("S60 A task whose result is kept is completed with statements, too")
  func kept() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 0)
      let client = scene.client
      let id = try await client.enqueue(CrashTask(number: 1), options: .with { $0.retain = .seconds(3600) }).id
      let handled = AsyncStream<Void>.makeStream()
      var handlers = TaskHandlers()
      try handlers.register(CrashTask.self) { _, context in
        try await client.complete(context, with: [scene.insert(1)])
        handled.continuation.finish()
        return .settledInTransaction
      }
      try await run(try TaskWorker(store: store, handlers: handlers)) { for await _ in handled.stream {} }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.done WHERE id = \(id.rawValue)") == 1)
      #expect(try await scene.written() == [1])
    }
  }

  @Test("Those that complete at the same time share commits")
  func shared() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 200)
      let transactions = try await withThrowingTaskGroup(of: Int64.self) { group in
        for index in 0..<200 {
          let xid = LibpqStatement("SELECT pg_current_xact_id()::text::int8", name: "xid")
          group.addTask { try await scene.complete(index, scene.insert(index), xid)[1][0].int8(0) }
        }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(transactions.count < 100)
      #expect(try await scene.written() == (0..<200).map(Int64.init))
      #expect(try await scene.left().isEmpty)
    }
  }

  @Test("Who is refused, has lost its task or waits for a lock does not keep the others of its group from completing")
  func others() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 40)
      _ = try await store.exchange(settle: [Settlement(scene.claimed[3].claim, .release)], claim: nil)
      try await scene.store.pool.query("INSERT INTO effect VALUES (1000)")
      let (gate, release) = AsyncStream<Void>.makeStream()
      let (locked, isLocked) = AsyncStream<Void>.makeStream()
      let holder = Task {
        try await store.pool.withTransaction { transaction in
          _ = try await transaction.query("SELECT FROM effect WHERE number = 1000 FOR UPDATE")
          isLocked.finish()
          for await _ in gate {}
        }
      }
      for await _ in locked {}
      let waiting = LibpqStatement("UPDATE effect SET number = 1001 WHERE number = 1000")
      let calls = (0..<40).map { index in
        Task { try await scene.complete(index, index == 5 ? waiting : scene.insert(index == 4 ? -1 : index)) }
      }
      let outcomes = await withTaskGroup(of: (Int, Result<[LibpqResult], any Error>).self) { group in
        for (index, call) in calls.enumerated() where index != 5 { group.addTask { (index, await call.result) } }
        return await group.reduce(into: [Int: Result<[LibpqResult], any Error>]()) { $0[$1.0] = $1.1 }
      }
      #expect(throws: TaskQueueError.self) { try outcomes[3]?.get() }
      #expect(throws: LibpqError.self) { try outcomes[4]?.get() }
      for (index, outcome) in outcomes where index != 3 && index != 4 {
        #expect(throws: Never.self) { try outcome.get() }
      }
      #expect(try await scene.left() == [3, 4, 5])
      release.finish()
      try await holder.value
      _ = try await calls[5].value
      #expect(try await scene.left() == [3, 4])
      #expect(try await scene.written() == (0..<40).filter { ![3, 4, 5].contains($0) }.map(Int64.init) + [1001])
    }
  }

  @Test("S1 A statement that begins or ends a transaction is refused, and nothing is done")
  func transactionControl() async throws {
    let refused = [
      "COMMIT", "end", "ROLLBACK", "Abort WORK", "BEGIN", "START TRANSACTION", "PREPARE TRANSACTION 'x'",
      " ;/* a /* b */ c */ -- SELECT\n commit", "COPY effect TO STDOUT", "copy effect from stdin",
    ]
    try await withStore { store in
      let scene = try await Scene(store, tasks: 1)
      for sql in refused {
        let error = await #expect(throws: LibpqError.self, "\(sql)") {
          try await scene.complete(0, scene.insert(1), LibpqStatement(sql), scene.insert(2))
        }
        #expect(error?.code == .invalidArgument, "\(sql)")
      }
      #expect(try await scene.written().isEmpty)
      #expect(try await scene.left() == [0])
      let others = [
        "PREPARE p AS SELECT 1", "-- COMMIT", "(SELECT 1)", "LOCK TABLE effect", "SAVEPOINT s", "SELECT 'COMMIT'",
      ]
      try await scene.complete(0, statements: others.map { LibpqStatement($0) } + [scene.insert(1)])
      #expect(try await scene.left().isEmpty)
    }
  }

  @Test("S1 S4 What a statement makes of its transaction reaches nobody else's")
  func particular() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 60)
      try await store.pool.executeScript(
        """
        CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
        CREATE PROCEDURE rolls_back() LANGUAGE plpgsql AS $$ BEGIN ROLLBACK; END $$;
        CREATE TABLE tenant (number bigint, name text);
        """
      )
      let particular = [
        10: "CALL commits()", 20: "CALL rolls_back()", 30: "DO $$ BEGIN COMMIT; END $$",
        40: "SET LOCAL app.tenant = 'a'",
        50: "SELECT set_config('app.tenant', 'b', true)",
      ]
      let outcomes = await withTaskGroup(of: (Int, Result<Void, any Error>).self) { group in
        for index in 0..<60 {
          let note = LibpqStatement(
            "INSERT INTO tenant SELECT $1, current_setting('app.tenant', true)",
            [.int8(Int64(index))],
            name: "note_tenant"
          )
          let own = particular[index].map { [LibpqStatement($0)] } ?? []
          let last = index == 55 ? -1 : index
          group.addTask {
            do {
              _ = try await scene.complete(index, statements: own + [note, scene.insert(last)])
              return (index, .success(()))
            } catch { return (index, .failure(error)) }
          }
        }
        return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      let failed: Set = [10, 20, 30, 55]
      for (index, outcome) in outcomes {
        switch outcome {
        case .success: #expect(!failed.contains(index), "\(index)")
        case .failure(let error):
          #expect((error as? LibpqError)?.sqlState == (index == 55 ? "23514" : "2D000"), "\(index): \(error)")
        }
      }
      #expect(try await scene.left() == failed.sorted().map(Int64.init))
      #expect(try await scene.written() == (0..<60).filter { !failed.contains($0) }.map(Int64.init))
      let tenants = try await store.pool.query("SELECT number, name FROM tenant WHERE name <> '' ORDER BY number").rows
      #expect(try tenants.map { try $0.text(1) } == ["a", "b"])
      #expect(try tenants.map { try $0.int8(0) } == [40, 50])
    }
  }

  @Test("Statements that take long, or end their session, do not keep the others from completing")
  func long() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 40)
      try await store.pool.executeScript(
        """
        CREATE FUNCTION await_gate() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
          WHILE NOT pg_try_advisory_xact_lock(7) LOOP PERFORM pg_sleep(0.01); END LOOP;
        END $$
        """
      )
      let (gate, release) = AsyncStream<Void>.makeStream()
      let (closed, isClosed) = AsyncStream<Void>.makeStream()
      let holder = Task {
        try await store.pool.withTransaction { transaction in
          _ = try await transaction.query("SELECT pg_advisory_xact_lock(7)")
          isClosed.finish()
          for await _ in gate {}
        }
      }
      for await _ in closed {}
      let long: Set = [0, 1, 7]
      let calls = (0..<40).map { index in
        Task {
          switch index {
          case 20: try await scene.complete(index, LibpqStatement("SELECT pg_terminate_backend(pg_backend_pid())"))
          case _ where long.contains(index):
            try await scene.complete(index, LibpqStatement("SELECT await_gate()"), scene.insert(index))
          default: try await scene.complete(index, scene.insert(index))
          }
        }
      }
      for (index, call) in calls.enumerated() where !long.contains(index) && index != 20 { _ = try await call.value }
      let error = await #expect(throws: TaskQueueError.self) { _ = try await calls[20].value }
      #expect(error?.isRetrySafe == true)
      #expect(try await scene.left() == [0, 1, 7, 20])
      release.finish()
      try await holder.value
      for index in long { _ = try await calls[index].value }
      #expect(try await scene.left() == [20])
      #expect(try await scene.written() == (0..<40).filter { $0 != 20 }.map(Int64.init))
    }
  }

  @Test("S28 A connection lost during the commit leaves all or nothing, and never a plain failure")
  func lostCommit() async throws {
    try await withStore { store in
      let scene = try await Scene(store, tasks: 10)
      try await store.pool.executeScript(
        """
        CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER kill AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW WHEN (NEW.number = 7) EXECUTE FUNCTION kill();
        """
      )
      let errors = await withTaskGroup(of: TaskQueueError?.self) { group in
        for index in 0..<10 {
          group.addTask {
            do { try await scene.complete(index, scene.insert(index)) } catch { return error as? TaskQueueError }
            return nil
          }
        }
        return await group.reduce(into: [TaskQueueError]()) { if let error = $1 { $0.append(error) } }
      }
      #expect(!errors.isEmpty)
      for error in errors { #expect(error.code == .outcomeUnknown || error.isRetrySafe) }
      let written = try await scene.written()
      #expect(try await scene.left() == (0..<10).filter { !written.contains($0) })
      #expect(!written.contains(7))
    }
  }
}
