import Foundation
import Libpq
import TaskQueueTestKit
import Testing

@Suite("What looking costs")
struct CostTests {
  @Test("No verb that looks reads a big table from end to end")
  func scans() async throws {
    try await withTool { tool, database in
      try await database.query(
        """
        INSERT INTO taskqueue.task (type, queue, payload) SELECT 'mail.send', (ARRAY['mail', 'default'])[g % 2 + 1], '{}'
        FROM generate_series(1, 100000) AS g
        """
      )
      try await database.query(
        """
        INSERT INTO taskqueue.dead_task (id, queue, type, priority, attempt, failures, crashes, created_at, died_at, reason, payload)
        SELECT nextval('taskqueue.task_id_seq'), 'mail', 'mail.send', 100, 5, 5, 0, now(), now(), 'failed', '{}' FROM generate_series(1, 50000)
        """
      )
      for table in ["task", "dead_task", "effect", "step", "done"] {
        try await database.query("VACUUM ANALYZE taskqueue.\(table)")
      }
      let counted = """
        SELECT coalesce(sum(seq_scan), 0)::bigint, (
          SELECT sum(i.idx_tup_read)::bigint FROM pg_stat_user_indexes i
          WHERE i.schemaname = 'taskqueue' AND i.relname IN ('task', 'dead_task'))
        FROM pg_stat_user_tables WHERE schemaname = 'taskqueue' AND relname IN ('task', 'dead_task')
        """
      func reads() async throws -> (scans: Int64, entries: Int64) {
        let row = try await database.query(counted)[0]
        return (try row.int8(0), try row.int8(1))
      }
      var before = try await reads()
      for verb in [
        ["status"], ["list"], ["list", "--type", "other"], ["list", "--queue", "mail", "--state", "running"],
        ["list", "--error", "x", "--state", "dead"],
        ["list", "--type", "mail.o*"], ["list", "--type", "mail.o*", "--state", "dead"],
        ["dead", "list"], ["show", "500"], ["show", "120000"], ["why", "500"], ["why", "120000"],
        ["flow", "show", "500"], ["top", "--count", "1"],
        ["limit", "list"], ["schedule", "list"], ["effect", "list"], ["journal"], ["workers"], ["doctor"],
      ] {
        let output = try await tool.run(verb)
        #expect([0, 1, 2].contains(output.status), "\(verb): \(output.errors)")
        let after = try await reads()
        #expect(after.scans == before.scans, "\(verb)")
        // A list takes 4 looks at most until its page is full, and one more to see that a queue has too many; all others read fewer entries of indexes
        // than either table has rows.
        let most: Int64 = verb[0] == "list" ? 5 * 10_010 : 40_000
        #expect(after.entries - before.entries <= most, "\(verb): \(after.entries - before.entries)")
        before = after
      }
    }
  }
}
