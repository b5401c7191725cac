import Foundation
import HTTPTypes
import Libpq
import Synchronization
import TaskQueueTestKit
import Testing

@testable import TaskQueueHTTP

@Suite("The gate of idempotency keys")
struct IdempotencyGateTests {
  private struct Broken: Error {}

  private final class Flag: Sendable {
    private let state = Mutex(false)
    var value: Bool {
      get { state.withLock { $0 } }
      set { state.withLock { $0 = newValue } }
    }
  }

  @Test("A repetition gets the first answer, with its header, and does nothing")
  func replay() async throws {
    try await IntakeFixture.with { fixture in
      let first = try await fixture.order("tea")
      #expect(first.fields[.location] == "/orders/1")
      #expect(!first.isReplayed)
      let again = try await fixture.order("tea")
      #expect(again.isReplayed)
      #expect(again.status == .accepted)
      #expect(again.body == first.body)
      #expect(again.fields[.location] == "/orders/1")
      #expect(again.fields[.contentType] == "text/plain")
      #expect(try await fixture.orders() == 1)
    }
  }

  @Test("An answer can be replaced by the result, for a key that is answered and no other")
  func replaced() async throws {
    try await IntakeFixture.with { fixture in
      let (store, pool) = (fixture.gate.store, fixture.gate.pool)
      func key(_ caller: String) -> RequestKey { RequestKey(caller: caller, operation: "POST /orders", key: "k") }
      let result = IdempotentAnswer(.created, fields: [.contentType: "text/plain"], body: Data("served".utf8))
      try await store.replace(result, for: key("anna"), in: pool)
      let first = try await fixture.order("tea", key: "k")
      #expect(first.status == .accepted && !first.isReplayed)
      try await store.replace(result, for: key("anna"), in: pool)
      try await store.replace(result, for: key("ben"), in: pool)
      let again = try await fixture.order("tea", key: "k")
      #expect(again.isReplayed)
      #expect(again.status == .created)
      #expect(again.body == result.body)
      let error = await #expect(throws: ProblemError.self) { try await fixture.order("coffee", key: "k") }
      #expect(error?.kind == .keyReused)
      #expect(try await fixture.orders() == 1)
    }
  }

  @Test("Two callers with one key do not see each other's answers, nor two operations")
  func scopes() async throws {
    try await IntakeFixture.with { fixture in
      _ = try await fixture.order("tea", caller: "anna")
      let other = try await fixture.order("coffee", caller: "ben")
      #expect(!other.isReplayed)
      #expect(other.body == Data("ben: coffee".utf8))
      #expect(try await !fixture.order("tea", operation: "POST /offers").isReplayed)
      // Texts that are the same when they are put together.
      #expect(try await !fixture.order("tea", caller: "anna:POST /orders", operation: "").isReplayed)
      #expect(try await fixture.order("coffee", caller: "ben").body == other.body)
      #expect(try await fixture.orders() == 4)
    }
  }

  @Test("A key that was used for another request is refused with 422, also while that one is being worked on")
  func reuse() async throws {
    try await IntakeFixture.with { fixture in
      _ = try await fixture.order("tea")
      let error = await #expect(throws: ProblemError.self) { try await fixture.order("coffee") }
      #expect(error?.kind == .keyReused)
      #expect(error?.kind.status.code == 422)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try await fixture.order("tea", key: "slow") { try await fixture.waiters(1) } }
        group.addTask {
          try await fixture.taken()
          let error = await #expect(throws: ProblemError.self) { try await fixture.order("coffee", key: "slow") }
          #expect(error?.kind == .keyReused)
        }
        try await group.waitForAll()
      }
      #expect(try await fixture.orders() == 2)
    }
  }

  @Test("Of concurrent requests with one key one does the work, and all get its answer")
  func concurrent() async throws {
    try await IntakeFixture.with { fixture in
      let answers = try await withThrowingTaskGroup(of: IdempotentAnswer.self) { group in
        for _ in 1...40 { group.addTask { try await fixture.order("tea") } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.filter { !$0.isReplayed }.count == 1)
      #expect(Set(answers.map(\.body)).count == 1)
      #expect(Set(answers.map { $0.fields[.location] }) == ["/orders/1"])
      #expect(try await fixture.orders() == 1)
    }
  }

  @Test("Who waits too long for another request with the key is told so by 409, and may come again")
  func inUse() async throws {
    try await IntakeFixture.with { fixture in
      var impatient = fixture.gate
      impatient.lockTimeout = .milliseconds(50)
      let gate = impatient
      let isRefused = Flag()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          _ = try await fixture.order("tea") { try await eventually("it is refused") { isRefused.value } }
        }
        group.addTask {
          try await fixture.taken()
          let error = await #expect(throws: ProblemError.self) { try await fixture.order("tea", gate: gate) }
          #expect(error?.kind == .keyInUse)
          #expect(error?.kind.status == .conflict)
          #expect(error?.kind.retryAfterSeconds != nil)
          isRefused.value = true
        }
        try await group.waitForAll()
      }
      #expect(try await fixture.order("tea").isReplayed)
    }
  }

  @Test("When the session of the one that works is killed midway, one that waits does the work, once")
  func killed() async throws {
    try await IntakeFixture.with { fixture in
      let outcomes = try await withThrowingTaskGroup(of: IdempotentAnswer?.self) { group in
        group.addTask {
          // Fails by the lost connection, whatever it is told.
          try? await fixture.order("tea") {
            try await fixture.waiters(2)
            let sql = """
              SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND state LIKE 'idle in transaction%'
              """
            _ = try await fixture.watch.query(sql)
          }
        }
        for _ in 1...2 {
          group.addTask {
            try await fixture.taken()
            return try await fixture.order("tea")
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let answers = outcomes.compactMap { $0 }
      #expect(answers.count == 2)
      #expect(answers.filter { !$0.isReplayed }.count == 1)
      #expect(try await fixture.orders() == 1)
    }
  }

  @Test("What throws leaves nothing behind, and the key free for a corrected request")
  func failure() async throws {
    let breaks: @Sendable () async throws -> Void = { throw Broken() }
    try await IntakeFixture.with { fixture in
      await #expect(throws: Broken.self) { try await fixture.order("tea", then: breaks) }
      let (orders, keys) = (try await fixture.orders(), try await fixture.keys())
      #expect(orders == 0)
      #expect(keys == 0)
      #expect(try await !fixture.order("coffee").isReplayed)
    }
  }

  @Test("The key, the answer and the work are one commit, also when the answer cannot be kept")
  func oneCommit() async throws {
    try await IntakeFixture.with { fixture in
      try await fixture.pool.executeScript("ALTER TABLE shop.idempotency_key ADD CONSTRAINT no CHECK (status IS NULL)")
      let error = await #expect(throws: LibpqError.self) { try await fixture.order("tea") }
      #expect(error?.constraint == "no")
      #expect(try await fixture.orders() == 0)
      #expect(try await fixture.keys() == 0)
    }
  }

  @Test("A lock that the work waits for is bounded too, and is not told as a key in use")
  func workLocks() async throws {
    try await IntakeFixture.with { fixture in
      var impatient = fixture.gate
      impatient.lockTimeout = .milliseconds(50)
      let gate = impatient
      try await fixture.pool.withTransaction { transaction in
        _ = try await transaction.query("LOCK TABLE shop.order_row")
        // Detached, as another request is: the transaction's own task may not ask its pool for a second connection.
        let other = Task.detached { try await fixture.order("tea", gate: gate) }
        let error = await #expect(throws: LibpqError.self) { try await other.value }
        #expect(error?.sqlState == "55P03")
      }
    }
  }

  @Test("A key is forgotten after its lifetime: it may be used for something else, and is purged")
  func expiry() async throws {
    try await IntakeFixture.with { fixture in
      var forgetful = fixture.gate
      forgetful.lifetime = .milliseconds(1)
      for item in ["tea", "coffee"] { #expect(try await !fixture.order(item, gate: forgetful).isReplayed) }
      _ = try await fixture.order("tea", key: "kept")
      #expect(
        try await !fixture.store.isAnswered(
          RequestKey(caller: "anna", operation: "POST /orders", key: "k"),
          in: fixture.pool
        )
      )
      #expect(try await fixture.store.purge(in: fixture.pool) == 1)
      #expect(try await fixture.store.purge(in: fixture.pool) == 0)
      #expect(try await fixture.order("tea", key: "kept").isReplayed)
    }
  }

  @Test("It works the same where repeatable read is the default")
  func isolation() async throws {
    try await IntakeFixture.with { fixture in
      let name = try await fixture.watch.query("SELECT quote_ident(current_database())")[0].text(0)
      _ = try await fixture.watch.query("ALTER DATABASE \(name) SET default_transaction_isolation = 'serializable'")
      let pool = LibpqPool(fixture.configuration, maxConnections: 8)
      let gate = IdempotencyGate(store: fixture.store, pool: pool)
      let answers = try await withThrowingTaskGroup(of: IdempotentAnswer.self) { group in
        for _ in 1...20 { group.addTask { try await fixture.order("tea", gate: gate) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      await pool.close()
      #expect(answers.filter { !$0.isReplayed }.count == 1)
    }
  }

  @Test("A full backlog refuses what is new, and answers repetitions")
  func backlog() async throws {
    try await IntakeFixture.with { fixture in
      let backlog = BacklogGate(limit: 1, pool: fixture.pool, rows: "SELECT FROM shop.order_row")
      _ = try await fixture.order("tea", backlog: backlog)
      let error = await #expect(throws: ProblemError.self) {
        try await fixture.order("tea", key: "2", backlog: backlog)
      }
      #expect(error?.kind == .backlogFull)
      #expect(try await fixture.order("tea", backlog: backlog).isReplayed)
      #expect(try await fixture.keys() == 1)
    }
  }
}
