import Foundation
import Libpq
import Logging
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The PostgreSQL ledger of effects")
struct PostgresEffectLedgerTests {
  @Test("The PostgreSQL ledger keeps the contract of every ledger", arguments: EffectLedgerConformance.all)
  func conforms(to check: EffectLedgerConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  @Test(
    "A provider without idempotency executes once, whatever crashes, is lost or comes late",
    arguments: (1...12).map(UInt64.init)
  )
  func model(seed: UInt64) async throws {
    try await withStore { try await EffectModelRun.run(seed: seed, on: PostgresStoreHarness($0)) }
  }

  @Test("The client and the database derive the same key")
  func keys() async throws {
    // Every length up to the longest name: the digest's padding depends on it.
    let names = ["é 漢字 \u{1F600}"] + (1...128).map { String(repeating: "x", count: $0) }
    try await withStore { store in
      let row = try await store.pool.query("SELECT id::text FROM taskqueue.effect_namespace")[0]
      let namespace = try #require(UUID(uuidString: try row.text(0)))
      let now = Date()
      for (id, createdAt) in [
        (1, now), (255, Date(timeIntervalSinceReferenceDate: 0.000_001)), (65_536, Date(timeIntervalSince1970: -1.5)),
        (Int64.max, Date(timeIntervalSinceReferenceDate: 1_234_567_890.123_457)),
      ] {
        let statement = LibpqStatement(
          """
          SELECT taskqueue._effect_key(n.id, $1, $3, u.name)::text, taskqueue._effect_key(n.id, $1, $3, u.name, u.name)::text
          FROM taskqueue.effect_namespace n, unnest($2) WITH ORDINALITY AS u(name, place) ORDER BY u.place
          """,
          [.int8(id), .textArray(names), .timestamptz(createdAt)]
        )
        let stored = try await store.pool.query(statement)
        let derived = names.map {
          IdempotencyKey(namespace: namespace, task: TaskID(id), createdAt: createdAt, effect: EffectName($0)).rawValue
        }
        #expect(try stored.rows.map { try $0.text(0) } == derived)
        let shared = names.map { IdempotencyKey(namespace: namespace, scope: $0, effect: EffectName($0)).rawValue }
        #expect(try stored.rows.map { try $0.text(1) } == shared)
      }
    }
  }

  @Test("Beginning and ending an effect are index scans that are never compiled")
  func plans() async throws {
    try await withTestDatabase { database in
      // auto_explain writes to the client as notices; psql prints those to standard error.
      let output = try await Psql.run(
        database.connectionString,
        [
          "-c", "INSERT INTO taskqueue.task (type, payload) VALUES ('note', '{}')",
          "-c", "UPDATE taskqueue.task SET lease_until = now() + interval '1 hour', lease_token = 7",
          "-c", "LOAD 'auto_explain'",
          "-c",
          """
          SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
          SET auto_explain.log_analyze = on; SET auto_explain.log_level = notice; SET client_min_messages = notice
          """,
          "-c", "SELECT taskqueue._begin_effect(id, 7, 'e', sha256('r'), '1 s', NULL, NULL) FROM taskqueue.task",
          "-c", "SELECT taskqueue._begin_effect(id, 7, 'e', sha256('r'), '1 s', NULL, NULL) FROM taskqueue.task",
          "-c", "SELECT taskqueue._end_effect(id, 7, 'e', 1, 'succeeded', '1', NULL, NULL) FROM taskqueue.task",
        ]
      )
      #expect(output.status == 0, "\(output.errors)")
      #expect(output.errors.contains("on effect_namespace n"))
      #expect(output.errors.contains("Index Scan using effect_pkey on effect x"))
      // The cost of what is switched off.
      for bad in ["Seq Scan on effect", "JIT:", "cost=10000000000"] {
        #expect(!output.errors.contains(bad), "\(bad) in \(output.errors)")
      }
    }
  }

  @Test("Two databases derive different keys for the same task and effect")
  func namespaces() async throws {
    var keys: Set<String> = []
    for _ in 1...2 {
      try await withTestDatabase(migrated: false) { database in
        try await Migrator(configuration: database.postgresConfiguration).migrate()
        let connection = try await LibpqConnection.connect(database.postgresConfiguration)
        let sql = "SELECT taskqueue._effect_key(id, 1, '2026-01-01', 'charge')::text FROM taskqueue.effect_namespace"
        keys.insert(try await connection.query(sql)[0].text(0))
        await connection.close()
      }
    }
    #expect(keys.count == 2)
  }

  @Test(
    "Another task never has the same key: not after lost commits, not under the same id and name",
    arguments: [true, false]
  )
  func reusedIDs(losesEffects: Bool) async throws {
    try await withStore { store in
      let keys = Mutex<[String]>([])
      for order in 1...3 {
        _ = try await store.add("order \(order)")
        let task = try #require(try await store.claimAll().first)
        #expect(task.claim.id == TaskID(1))
        let context = TaskContext(task: task, ledger: store, logger: .silent)
        let paid = try await context.effects.perform("charge", request: ["amount": 10]) { call in
          keys.withLock { $0.append(call.key.rawValue) }
          return order
        }
        #expect(paid == order)
        #expect(try await store.settle(task.claim, .complete))
        let tables = losesEffects ? "taskqueue.task, taskqueue.effect" : "taskqueue.task"
        try await store.pool.query("TRUNCATE \(tables) RESTART IDENTITY")
        try await store.pool.query("ALTER SEQUENCE taskqueue.task_id_seq RESTART")
      }
      #expect(Set(keys.withLock { $0 }).count == 3)
    }
  }

  @Test("What nobody knows of a task that is gone is not taken for another one's, and not forgotten")
  func unknownOfAnotherTask() async throws {
    try await withStore { store in
      let intent = { (task: ClaimedTask) in
        EffectIntent(
          claim: task.claim,
          name: "charge",
          requestDigest: Data(repeating: 1, count: 32),
          callLimit: .seconds(30),
          keyLifetime: nil
        )
      }
      _ = try await store.add("first")
      guard case .call(let call) = try await store.beginEffect(intent(try #require(try await store.claimAll().first)))
      else {
        Issue.record("not begun")
        return
      }
      try await store.pool.query("TRUNCATE taskqueue.task RESTART IDENTITY")
      try await store.pool.query("ALTER SEQUENCE taskqueue.task_id_seq RESTART")
      _ = try await store.add("second")
      let decision = try await store.beginEffect(intent(try #require(try await store.claimAll().first)))
      guard case .requestChanged = decision else {
        Issue.record("\(decision)")
        return
      }
      #expect(try await store.effects(of: call.claim.id).map(\.key) == [call.key])
    }
  }

  @Test("A success that comes while its handler is cancelled is recorded all the same")
  func recordsWhenCancelled() async throws {
    try await withStore { store in
      _ = try await store.add("x")
      let task = try await store.claimAll()[0]
      let effects = TaskContext(task: task, ledger: store, logger: .silent).effects
      let (calls, continuation) = AsyncStream<Void>.makeStream()
      let value = try await withThrowingTaskGroup(of: String.self) { group in
        group.addTask {
          try await effects.perform("charge", request: 1) { _ in
            continuation.yield()
            try? await Task.sleep(for: .seconds(60))
            return "paid"
          }
        }
        for await _ in calls { break }
        group.cancelAll()
        return try await group.next()
      }
      #expect(value == "paid")
      #expect(try await store.effects(of: task.claim.id).map(\.state) == [.succeeded])
    }
  }

  @Test("Outcome, business rows and completion commit together or not at all")
  func recordsInTransaction() async throws {
    struct Stop: Error {}
    try await withStore { store in
      try await store.pool.executeScript("CREATE TABLE payment (id bigint)")
      _ = try await store.add("x")
      let task = try await store.claimAll()[0]
      let effects = TaskContext(task: task, ledger: store, logger: .silent).effects
      let receipt = try await effects.call("charge", request: 1) { _ in 7 }
      #expect(receipt.value == 7)
      for fails in [true, false] {
        try? await TaskClient(store: store).withCompletion(of: task.claim) { transaction in
          _ = try await transaction.query("INSERT INTO payment VALUES (1)")
          try await TaskClient(store: store).record(receipt, in: transaction)
          if fails { throw Stop() }
        }
        let state = try await store.effects(of: task.claim.id).map(\.state)
        #expect(state == [fails ? .intended : .succeeded])
        #expect(try await store.number("SELECT count(*) FROM payment") == (fails ? 0 : 1))
        #expect(try await store.number("SELECT count(*) FROM taskqueue.task") == (fails ? 1 : 0))
      }
    }
  }

  @Test("A claim passes over a task while its effect is being begun")
  func claimsPassOver() async throws {
    try await withStore { store in
      let id = try await store.add("x").id.rawValue
      let task = try await store.claimAll()[0]
      let claimable = """
        SELECT count(*) FROM (SELECT FROM taskqueue.task WHERE id = \(id) FOR UPDATE SKIP LOCKED) AS t
        """
      #expect(try await store.number(claimable) == 1)
      try await store.pool.withTransaction { transaction in
        let begin = LibpqStatement(
          "SELECT decision FROM taskqueue._begin_effect($1, $2, 'charge', sha256(''), '30 s', NULL, NULL)",
          [.int8(id), .int8(task.claim.token)]
        )
        let decision = try await transaction.query(begin)[0].text(0)
        #expect(decision == "call")
        #expect(try await store.elsewhere { try await $0.number(claimable) } == 0)
      }
      try await store.endLeases()
      #expect(try await store.claimAll().map(\.claim.id.rawValue) == [id])
    }
  }
}

extension Logger {
  static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
