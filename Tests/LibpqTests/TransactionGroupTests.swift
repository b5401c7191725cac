import Synchronization
import Testing

@testable import Libpq

@Suite("Groups of transactions")
struct TransactionGroupTests {
  struct Refused: Error {}

  /// A pool, its groups, and a table with one column.
  struct Table: Sendable {
    let pool: LibpqPool
    let groups: LibpqTransactionGroups
    let name = TestServer.uniqueName()

    init() async throws {
      pool = LibpqPool(try await TestServer.configuration())
      groups = LibpqTransactionGroups(pool: pool)
      try await pool.executeScript("CREATE TABLE \(name) (n int8 PRIMARY KEY)")
    }

    func insert(_ number: Int, _ transaction: LibpqTransaction) async throws -> UInt64 {
      let sql = "INSERT INTO \(name) VALUES ($1) RETURNING pg_current_xact_id()::text::int8"
      return UInt64(try await transaction.query(sql, [.int8(Int64(number))])[0].int8(0))
    }

    /// In a group, or alone.
    func add(_ number: Int, order: String? = nil) -> Task<UInt64, any Error> {
      Task { try await groups.withTransaction(order: order ?? "\(number)") { try await insert(number, $0) } }
    }

    func rows() async throws -> [Int64] {
      try await pool.query("SELECT n FROM \(name) ORDER BY n").rows.map { try $0.int8(0) }
    }

    /// Keeps both places of the groups, until `open` is finished: whoever comes waits.
    func busy() async throws -> (open: AsyncStream<Void>.Continuation, tasks: [Task<Void, any Error>]) {
      let (gate, open) = AsyncStream<Void>.makeStream()
      let began = Counter()
      let tasks = (0..<2).map { _ in
        Task {
          try await groups.withTransaction(order: "") { _ in
            began.add()
            for await _ in gate {}
          }
        }
      }
      #expect(try await TestServer.eventually { began.value == 2 })
      return (open, tasks)
    }

    func awaitWaiters(_ count: Int) async throws {
      #expect(try await TestServer.eventually { groups.waiterCount == count })
    }

    func drop() async throws {
      try await pool.executeScript("DROP TABLE \(name)")
      await pool.close()
    }
  }

  final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }

    /// Returns the number before.
    @discardableResult
    func add() -> Int { number.wrappingAdd(1, ordering: .relaxed).oldValue }
  }

  @Test("Who waits goes with the next group, in one transaction; each gets its own value")
  func shared() async throws {
    let table = try await Table()
    let busy = try await table.busy()
    let callers = (1...20).map { table.add($0) }
    try await table.awaitWaiters(20)
    busy.open.finish()
    var transactions: Set<UInt64> = []
    for caller in callers { transactions.insert(try await caller.value) }
    #expect(transactions.count <= 2)
    #expect(try await table.rows() == Array(1...20))
    try await table.drop()
  }

  @Test("One that throws, one that the database refuses and one that meets a lock cost the others nothing but time")
  func failures() async throws {
    let table = try await Table()
    try await table.pool.executeScript("INSERT INTO \(table.name) VALUES (100), (200)")
    let locker = try await TestServer.connect()
    try await locker.executeScript("BEGIN; SELECT FROM \(table.name) WHERE n = 200 FOR UPDATE")
    let busy = try await table.busy()
    let callers = (1...6).map { table.add($0) }
    let throwing = Task {
      try await table.groups.withTransaction(order: "7") { transaction in
        _ = try await table.insert(7, transaction)
        throw Refused()
      }
    }
    let refused = table.add(100, order: "8")
    let locked = Task {
      try await table.groups.withTransaction(order: "9") { transaction in
        try await transaction.query("UPDATE \(table.name) SET n = 201 WHERE n = 200").affectedRows
      }
    }
    try await table.awaitWaiters(9)
    busy.open.finish()
    for caller in callers { _ = try await caller.value }
    await #expect(throws: Refused.self) { try await throwing.value }
    #expect(try await postgresError { _ = try await refused.value }?.sqlState == "23505")
    // The row is still locked, so all of that went without the one that waits for it.
    #expect(try await table.rows() == [1, 2, 3, 4, 5, 6, 100, 200])
    try await locker.executeScript("ROLLBACK")
    #expect(try await locked.value == 1)
    await locker.close()
    try await table.drop()
  }

  @Test("Two that wait for locks leave both places to others", .timeLimit(.minutes(2)))
  func locked() async throws {
    let table = try await Table()
    try await table.pool.executeScript("INSERT INTO \(table.name) VALUES (100), (200)")
    let locker = try await TestServer.connect()
    try await locker.executeScript("BEGIN; SELECT FROM \(table.name) FOR UPDATE")
    var waiting: [Task<Int, any Error>] = []
    for number in [100, 200] {
      let update = "UPDATE \(table.name) SET n = n + 1 WHERE n = \(number)"
      waiting.append(
        Task {
          try await table.groups.withTransaction(order: "\(number)") { try await $0.query(update).affectedRows }
        }
      )
      #expect(
        try await TestServer.eventually {
          let sql = "SELECT count(*) FROM pg_stat_activity WHERE query = $1 AND wait_event_type = 'Lock'"
          return try await table.pool.query(sql, [.text(update)])[0].int8(0) == 1
        }
      )
    }
    for number in 1...4 { _ = try await table.add(number).value }
    #expect(try await table.rows() == [1, 2, 3, 4, 100, 200])
    try await locker.executeScript("ROLLBACK")
    for task in waiting { #expect(try await task.value == 1) }
    #expect(try await table.rows() == [1, 2, 3, 4, 101, 201])
    await locker.close()
    try await table.drop()
  }

  @Test("A session that ends in the midst of a group: every body runs again by itself")
  func terminated() async throws {
    let table = try await Table()
    let busy = try await table.busy()
    let runs = Counter()
    let callers = (1...8).map { number in
      Task {
        try await table.groups.withTransaction(order: "\(number)") { transaction in
          if runs.add() == 3 {
            let killer = try await TestServer.connect()
            let sql = "SELECT pg_terminate_backend($1, 10000)"
            _ = try await killer.query(sql, [.int4(transaction.backendProcessID)])
            await killer.close()
          }
          return try await table.insert(number, transaction)
        }
      }
    }
    try await table.awaitWaiters(8)
    busy.open.finish()
    for caller in callers { _ = try await caller.value }
    #expect(try await table.rows() == Array(1...8))
    #expect(runs.value > 8)
    try await table.drop()
  }

  @Test("A COMMIT that the database refuses fails the one that is to blame, and no other")
  func refusedCommit() async throws {
    let table = try await Table()
    try await table.pool.executeScript(
      """
      CREATE FUNCTION \(table.name)_odd() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF new.n = 5 THEN RAISE EXCEPTION 'five' USING ERRCODE = '23514'; END IF; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER odd AFTER INSERT ON \(table.name) DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION \(table.name)_odd();
      """
    )
    let busy = try await table.busy()
    let callers = (1...8).map { table.add($0) }
    try await table.awaitWaiters(8)
    busy.open.finish()
    for (index, caller) in callers.enumerated() {
      let error = try await postgresError { _ = try await caller.value }
      #expect(error?.sqlState == (index == 4 ? "23514" : nil))
    }
    #expect(try await table.rows() == [1, 2, 3, 4, 6, 7, 8])
    try await table.pool.executeScript("DROP FUNCTION \(table.name)_odd() CASCADE")
    try await table.drop()
  }

  @Test("The end of a COMMIT that nobody knows is nobody's success, and no body runs again")
  func unknownCommit() async throws {
    let table = try await Table()
    try await table.pool.executeScript(
      """
      CREATE FUNCTION \(table.name)_end() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON \(table.name) DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION \(table.name)_end();
      """
    )
    let busy = try await table.busy()
    let runs = Counter()
    let callers = (1...4).map { number in
      Task {
        try await table.groups.withTransaction(order: "\(number)") { transaction in
          runs.add()
          return try await table.insert(number, transaction)
        }
      }
    }
    try await table.awaitWaiters(4)
    busy.open.finish()
    for caller in callers {
      let error = try await postgresError { _ = try await caller.value }
      #expect(error?.code == .commitOutcomeUnknown)
    }
    #expect(runs.value == 4)
    try await table.pool.executeScript("DROP FUNCTION \(table.name)_end() CASCADE")
    try await table.drop()
  }

  @Test("Who is cancelled while it waits leaves; inside a transaction of the pool it is refused")
  func cancelled() async throws {
    let table = try await Table()
    let busy = try await table.busy()
    let waiting = table.add(1)
    try await table.awaitWaiters(1)
    waiting.cancel()
    #expect(try await postgresError { _ = try await waiting.value }?.code == .cancelled)
    #expect(table.groups.waiterCount == 0)
    busy.open.finish()
    for task in busy.tasks { try await task.value }
    try await table.pool.withTransaction { _ async throws in
      let error = try await postgresError { try await table.groups.withTransaction(order: "1") { _ in } }
      #expect(error?.code == .nestedUse)
    }
    #expect(try await table.rows().isEmpty)
    try await table.drop()
  }
}
