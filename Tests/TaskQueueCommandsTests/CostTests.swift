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
        SELECT relname::text, seq_scan FROM pg_stat_user_tables
        WHERE schemaname = 'taskqueue' AND relname IN ('task', 'dead_task') ORDER BY 1
        """
      func scans() async throws -> [String: Int64] {
        let rows = try await database.query(counted).rows
        return Dictionary(
          uniqueKeysWithValues: try rows.map { row throws(LibpqError) in (try row.text(0), try row.int8(1)) }
        )
      }
      let before = try await scans()
      for verb in [
        ["status"], ["list"], ["list", "--type", "other"], ["list", "--queue", "mail", "--state", "running"],
        ["list", "--error", "x", "--state", "dead"],
        ["dead", "list"], ["show", "500"], ["show", "120000"], ["why", "500"], ["why", "120000"],
        ["flow", "show", "500"], ["top", "--count", "1"],
        ["limit", "list"], ["schedule", "list"], ["effect", "list"], ["journal"], ["workers"], ["doctor"],
      ] {
        let output = try await tool.run(verb)
        #expect([0, 1, 2].contains(output.status), "\(verb): \(output.errors)")
        let after = try await scans()
        #expect(after == before, "\(verb)")
      }
    }
  }
}
