import Foundation
import Libpq
import Testing

@testable import TaskQueuePostgres

/// A database as after a bad night: scripts/operate-scale.sql.
struct OperatingScale {
  var live: Int
  var dead: Int
  var done: Int

  /// The first id of the dead letters and of the history.
  static let firstDead = 100_000_000
  static let firstDone = 200_000_000

  func fill(_ store: PostgresTaskStore) async throws {
    let file = Psql.migrations.deletingLastPathComponent().appending(path: "scripts/operate-scale.sql").path
    let sizes = ["-v", "live=\(live)", "-v", "dead=\(dead)", "-v", "done=\(done)"]
    let output = try await Psql.run(store.configuration.connection.connectionString, sizes + ["-f", file])
    #expect(output.status == 0, "\(output.errors)")
  }

  /// Every read that people make, as SQL, with a name.
  static let reads: [(name: String, sql: String)] = {
    func list(_ place: String, _ conditions: [String: String] = [:], from: String? = nil, limit: Int = 50) -> String {
      func value(_ name: String) -> String { conditions[name].map { "'\($0)'" } ?? "NULL" }
      let names = ["queue", "type", "state"].map(value).joined(separator: ", ")
      let others = ["error", "limit", "reason"].map(value).joined(separator: ", ")
      return """
        SELECT count(*) FROM taskqueue._list_tasks('\(place)', \(names), NULL, NULL, \(others), \
        \(from.map { "'\($0)'" } ?? "NULL"), \(limit), \(conditions["error"] == nil ? 10_000 : 5_000))
        """
    }
    return [
      ("overview", "SELECT count(*) FROM taskqueue._overview(1000, 5000)"),
      ("all live", list("live")),
      ("of a type", list("live", ["type": "type7"])),
      ("of no type", list("live", ["type": "none"])),
      ("a text that no error has", list("live", ["error": "not there"])),
      ("a page of 1,000", list("live", limit: 1_000)),
      ("running", list("live", ["state": "running"])),
      ("running of a queue", list("live", ["state": "running", "queue": "default"])),
      ("running of a small queue", list("live", ["state": "running", "queue": "mail"])),
      ("running, further on", list("live", ["state": "running", "queue": "default"], from: "c.100.0.0")),
      ("due", list("live", ["state": "due"])),
      ("waiting", list("live", ["state": "waiting"])),
      ("waiting with an error", list("live", ["state": "waiting", "error": "bank 77"])),
      ("limited", list("live", ["state": "limited"])),
      ("limited of a key", list("live", ["state": "limited", "limit": "bank/customer-7"])),
      ("finished", list("live", ["state": "finished"])),
      ("of a small queue", list("live", ["queue": "mail"])),
      ("dead", list("dead")),
      ("dead of a type with an error", list("dead", ["type": "type3", "error": "bank 77"])),
      ("dead with a text that none has", list("dead", ["queue": "mail", "reason": "expired", "error": "not there"])),
      ("done", list("done")),
      ("done of no queue", list("done", ["queue": "none"])),
      ("done, further on", list("done", from: "i.\(firstDone + 5_000)")),
      ("a live task", "SELECT count(*) FROM taskqueue._task_detail(7, true)"),
      ("a dead letter", "SELECT count(*) FROM taskqueue._task_detail(\(firstDead + 7), true)"),
      ("a done task", "SELECT count(*) FROM taskqueue._task_detail(\(firstDone + 7), true)"),
      ("no task", "SELECT count(*) FROM taskqueue._task_detail(299999999, true)"),
      ("lines of a limit", "SELECT count(*) FROM taskqueue._limit_lines('bank', NULL, 100, 20000)"),
      ("why", "SELECT count(*) FROM taskqueue.explain(7)"),
      ("the journal", "SELECT id FROM taskqueue.action WHERE id < 9223372036854775807 ORDER BY id DESC LIMIT 50"),
      ("the journal of a task", "SELECT count(*) FROM taskqueue._actions_about(7, NULL, 50)"),
    ]
  }()
}
