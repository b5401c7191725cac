import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("Plans stay pinned", .serialized)
struct PlanTests {
  /// The statements inside the functions, as a session that first ran them on `rows` rows executes them later.
  private func plans(rows: Int) async throws -> String {
    try await withTestDatabase { database in
      // auto_explain writes to the client as notices; psql prints those to standard error.
      let fill =
        rows == 0
        ? "SELECT 1"
        : "INSERT INTO taskqueue.task (type, payload) SELECT 'note', '{}' FROM generate_series(1, \(rows))"
      let output = try await Psql.run(
        database.connectionString,
        [
          "-c", fill,
          // An empty table that was never vacuumed passes for one of some pages.
          "-c", "VACUUM ANALYZE taskqueue.task",
          "-c", "LOAD 'auto_explain'",
          "-c",
          """
          SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;
          SET auto_explain.log_level = notice; SET client_min_messages = notice
          """,
          "-c",
          "SELECT count(*) FROM taskqueue._claim(ARRAY['default', 'other'], ARRAY['note'], 10, 1000000, '1 minute')",
          "-c",
          """
          SELECT count(*) FROM taskqueue._claim(ARRAY['default'], ARRAY['note'], 10, 1000000, '1 minute', '{1}', '{2}',
            '{-32769,100}', '{-infinity,2020-01-01}', '{0,7}', '{100,32768}', true, now())
          """,
          "-c", "SELECT taskqueue._promote(10)",
          "-c", "SELECT taskqueue._settle_complete(ARRAY[1, 2], ARRAY[1, 2])",
          "-c", "SELECT taskqueue._settle_complete(ARRAY[1, 2], ARRAY[1, 2], true)",
          "-c", "SELECT taskqueue._conclude(ARRAY[1, 2], ARRAY[1, 2], NULL, NULL)",
          "-c", "SELECT taskqueue._conclude(ARRAY[1, 2], ARRAY[1, 2], NULL, NULL, true)",
          "-c", "SELECT taskqueue._record_steps('{1}', '{1}', '{a}', '{step}', '{1}', '{null}', '{null}', '{1}')",
          "-c",
          "SELECT taskqueue._record_steps('{1}', '{1}', '{a}', '{step}', '{1}', '{null}', '{null}', '{1}', true, true)",
          "-c", "SELECT taskqueue._suspend(ARRAY[1, 2], ARRAY[1, 2], ARRAY['[]', '[]']::json[], false)",
          "-c",
          "SELECT taskqueue._settle(ARRAY[1, 2], ARRAY[1, 2], ARRAY[interval '1 s'], ARRAY[false], '{}', '{}', '{}', false)",
          "-c", "SELECT * FROM taskqueue._renew(ARRAY[1, 2], ARRAY[1, 2], '1 minute')",
        ]
      )
      #expect(output.status == 0, "\(output.errors)")
      return output.errors
    }
  }

  @Test("Claim, promotion, settling and renewal use index and tid scans only", arguments: [0, 1_000, 100_000])
  func scans(rows: Int) async throws {
    let text = try await plans(rows: rows)
    #expect(text.contains("Index Scan using task_claim on task"))
    #expect(text.contains("Tid Scan on task"))
    #expect(text.contains("Index Scan using task_due on task"))
    #expect(text.contains("Index Scan using task_pkey on task"))
    // From PostgreSQL 16 on the names of queues and types are sorted by a node of their own.
    let sorts = text.split(separator: "\n").filter { $0.contains("Sort Key: ") }
    #expect(sorts.allSatisfy { $0.hasSuffix("Sort Key: q") || $0.hasSuffix("Sort Key: y") }, "\(sorts)")
    for bad in ["Seq Scan on task ", "Bitmap", "Hash Join", "Merge Join", "JIT"] {
      #expect(!text.contains(bad), "\(bad) in \(text)")
    }
    // Without a condition all of the index would be read.
    let lines = text.split(separator: "\n")
    for (line, next) in zip(lines, lines.dropFirst()) where line.contains("Index Scan using task_pkey on task") {
      #expect(next.contains("Index Cond:"), "\(line)\n\(next)")
    }
  }

  @Test("Purging by age reads what it deletes, and not the young ones", arguments: [0, 1, 50])
  func purgeByAge(old: Int) async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        INSERT INTO taskqueue.task (type, payload) SELECT 'note', '{}' FROM generate_series(1, 5000);
        SELECT count(taskqueue.cancel(id)) FROM taskqueue.task;
        UPDATE taskqueue.dead_task SET died_at = now() - interval '2 d' WHERE id > 5000 - \(old);
        """
      )
      try await store.pool.query("ANALYZE taskqueue.dead_task")
      let read = try await store.pool.withTransaction { transaction in
        func count() async throws -> Int64 {
          try await transaction.query(
            "SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables WHERE relname = 'dead_task'"
          )[0].int8(0)
        }
        // Of the session: what it did before may not be reported yet.
        let before = try await count()
        let statement = store.statements.purgeOld(.null, .interval(.seconds(86_400)), .null, 1_000)
        #expect(try await transaction.query(statement).rowCount == old)
        return try await count() - before
      }
      // Those are looked up twice: found by age, deleted by id.
      #expect(read <= 2 * Int64(old) + 2)
    }
  }

  @Test("Claims are HOT updates")
  func hotClaims() async throws {
    try await withStore { store in
      _ = try await store.enqueue((0..<5_000).map { try NewTask(Note(text: "\($0)")) })
      while try await store.claimAll(500).count == 500 {}
      try await eventually("the statistics arrive") {
        try await store.number(
          "SELECT coalesce(sum(n_tup_upd), 0)::bigint FROM pg_stat_user_tables WHERE relname = 'task'"
        ) >= 5_000
      }
      let updates = try await store.pool.query(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'task'"
      )[0]
      let (all, hot) = (try updates.int8(0), try updates.int8(1))
      #expect(hot * 100 >= all * 95, "\(hot) of \(all)")
    }
  }

  @Test("Workers that claim from one queue at once never share a task")
  func disjointClaims() async throws {
    try await withStore { store in
      _ = try await store.enqueue((0..<3_000).map { try NewTask(Note(text: "\($0)")) })
      let ids = try await withThrowingTaskGroup(of: [TaskID].self) { group in
        for _ in 0..<4 {
          group.addTask {
            var ids: [TaskID] = []
            while true {
              let claimed = try await store.claimAll(37)
              if claimed.isEmpty { return ids }
              ids += claimed.map(\.claim.id)
            }
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(ids.count == 3_000)
      #expect(Set(ids).count == 3_000)
    }
  }
}
