import Libpq
import TaskQueueTestKit

@testable import TaskQueuePostgres

/// A database as after a bad night: five queues, tasks in every state, limits, dead letters and a month of history.
struct OperatingScale {
  var live: Int
  var dead: Int
  var done: Int

  /// The first id of the dead letters and of the history.
  static let firstDead = 100_000_000
  static let firstDone = 200_000_000

  func fill(_ store: PostgresTaskStore) async throws {
    try await store.pool.executeScript(
      """
      SET search_path = taskqueue, pg_temp;
      SELECT declare_limit('bank', 3), declare_limit('mail', rate => 10);
      INSERT INTO task (queue, type, priority, ready, due_at, created_at, payload, attempt, failures, errors)
      SELECT CASE WHEN n % 100 = 0 THEN 'mail' WHEN n % 100 = 1 THEN 'reports' ELSE 'default' END, 'type' || n % 20,
        CASE WHEN n % 10 = 0 THEN 50 ELSE 100 END, n % 5 < 3,
        CASE WHEN n % 5 < 3 THEN now() - n % 1000 * interval '1 s' ELSE now() + n % 1000 * interval '1 min' END,
        now() - interval '1 d', json_build_object('n', n), CASE WHEN n % 5 = 4 THEN 3 ELSE 0 END, CASE WHEN n % 5 = 4 THEN 3 ELSE 0 END,
        CASE WHEN n % 5 = 4 THEN jsonb_build_array(
          jsonb_build_object('message', 'HTTP 503 from the bank ' || n, 'errorType', 'BankError', 'attempt', 3, 'at', 1.5)) END
      FROM generate_series(1, \(live) * 97 / 100) AS n;
      INSERT INTO task (queue, type, priority, ready, due_at, created_at, payload, limit_key, slot)
      SELECT 'bank', 'pay', 100, false, now() - interval '1 h', now() - interval '1 d', '{}', 'bank/customer-' || n % 300, 0
      FROM generate_series(1, \(live) * 3 / 100) AS n;
      UPDATE task SET lease_until = now() + interval '1 h', lease_token = id, attempt = 1 WHERE id IN (
        SELECT id FROM task WHERE ready AND queue = 'default' ORDER BY priority, due_at, id LIMIT 300);
      UPDATE task SET lease_until = now() + interval '1 h', lease_token = id, attempt = 1 WHERE id IN (
        SELECT id FROM task WHERE ready AND queue = 'mail' ORDER BY priority, due_at, id LIMIT 30);
      INSERT INTO dead_task (id, queue, type, priority, attempt, failures, crashes, created_at, died_at, reason, payload, errors)
      SELECT \(Self.firstDead) + n, CASE WHEN n % 100 = 0 THEN 'mail' ELSE 'default' END, 'type' || n % 20, 100, 5, 5, 0,
        now() - interval '30 d', now() - n * interval '2 s', CASE WHEN n % 1000 = 0 THEN 'expired' ELSE 'failed' END, '{}',
        jsonb_build_array(jsonb_build_object('message', 'HTTP 503 from the bank ' || n, 'errorType', 'BankError', 'attempt', 3, 'at', 1.5))
      FROM generate_series(1, \(dead)) AS n;
      DO $$
      DECLARE
        part_day date;
      BEGIN
        FOR part_day IN SELECT (now() AT TIME ZONE 'UTC')::date - n FROM generate_series(0, 29) AS n LOOP
          EXECUTE format('CREATE TABLE done_%s (LIKE done INCLUDING ALL)', to_char(part_day, 'YYYYMMDD'));
          EXECUTE format('ALTER TABLE done ATTACH PARTITION done_%s FOR VALUES FROM (%L) TO (%L)', to_char(part_day, 'YYYYMMDD'),
            part_day || ' 00:00:00+00', part_day + 1 || ' 00:00:00+00');
        END LOOP;
      END $$;
      INSERT INTO done (id, queue, type, attempt, created_at, done_at, expires_at, result)
      SELECT \(Self.firstDone) + n, CASE WHEN n % 100 = 0 THEN 'mail' ELSE 'default' END, 'type' || n % 20, 1, now() - interval '30 d',
        now() - (\(done) - n) * (interval '29 d' / \(done)), now() + interval '30 d', CASE WHEN n % 2 = 0 THEN '{"ok": true}' END::json
      FROM generate_series(1, \(done)) AS n;
      INSERT INTO effect (task_id, name, task_type, key, request_digest, state, token, call_limit, key_used_at, intended_at, changed_at)
      SELECT n, 'charge', 'pay', gen_random_uuid(), sha256('x'), CASE WHEN n % 10 = 0 THEN 'unknown' ELSE 'succeeded' END, 1, '1 min',
        now(), now() - n * interval '1 s', now()
      FROM generate_series(1, \(live) / 5) AS n;
      INSERT INTO step (task_id, name, kind, place)
      SELECT n, 's' || k, 'step', k FROM generate_series(1, \(live) / 20) AS n, generate_series(1, 4) AS k;
      SELECT _note_worker(gen_random_uuid(), 'w', '{default,mail}', '{type1,type2}', 10);
      SELECT setval('task_id_seq', 300000000);
      ANALYZE task; ANALYZE dead_task; ANALYZE done; ANALYZE effect; ANALYZE step
      """
    )
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
