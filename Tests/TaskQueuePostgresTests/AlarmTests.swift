import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Alarms")
struct AlarmTests {
  private func makeOlder(_ store: PostgresTaskStore, _ ids: ClosedRange<Int64>, hours: Int) async throws {
    for table in ["task", "dead_task"] {
      try await store.pool.query(
        "UPDATE taskqueue.\(table) SET created_at = created_at - $1 WHERE id BETWEEN $2 AND $3",
        [.interval(.seconds(hours * 3_600)), .int8(ids.lowerBound), .int8(ids.upperBound)]
      )
    }
  }

  @Test("The view shows overdue tasks of types with a rule, live ones and dead letters")
  func overdue() async throws {
    try await withStore { store in
      try await store.setAlarmRules([AlarmRule("note", finalWithin: .seconds(4 * 3_600))])
      _ = try await store.enqueue((1...30).map { try NewTask(Note(text: "\($0)")) })
      _ = try await store.enqueue((1...5).map { try NewTask(type: "other", json: Data("\($0)".utf8)) })
      _ = try await store.enqueue((1...30).map { try NewTask(Note(text: "young \($0)")) })
      try await makeOlder(store, 1...35, hours: 5)
      let dead = try await store.claimAll(2)
      for (task, reason) in zip(dead, [DeadLetterReason.failed, .cancelled]) {
        #expect(try await store.settle(task.claim, .bury(reason, detail: nil, nil)))
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.overdue WHERE state = 'live'") == 28)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.overdue WHERE state = 'dead'") == 1)
      #expect(
        try await store.number(
          "SELECT count(*) FROM taskqueue.overdue WHERE final_by < now() AND overdue_by > '59 min'"
        ) == 29
      )
    }
  }

  @Test("The view shows unknown, parked and contradicted effects")
  func effects() async throws {
    try await withStore { store in
      for text in ["unknown", "young", "parked", "done", "contradicted"] { _ = try await store.add(text) }
      for task in try await store.claimAll() {
        let intent = EffectIntent(
          claim: task.claim,
          name: "charge",
          requestDigest: Data(repeating: 1, count: 32),
          callLimit: .seconds(1),
          keyLifetime: .seconds(60)
        )
        guard case .call(let call) = try await store.beginEffect(intent) else { continue }
        switch task.text {
        case "unknown", "young": _ = try await store.endEffect(call, .unknown(reason: "timeout"))
        case "parked": _ = try await store.endEffect(call, .parked(reason: "timeout"))
        case "contradicted":
          _ = try await store.endEffect(call, .succeeded(Data("1".utf8)))
          _ = try await store.endEffect(call, .succeeded(Data("2".utf8)))
        default: _ = try await store.endEffect(call, .succeeded(Data("1".utf8)))
        }
      }
      try await store.pool.query(
        "UPDATE taskqueue.effect SET intended_at = intended_at - interval '1 h' WHERE task_id = 1"
      )
      #expect(try await store.number("SELECT count(*) FROM taskqueue.unsettled_effect") == 4)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.unsettled_effect WHERE age > '59 min'") == 1)
      #expect(
        try await store.number("SELECT count(*) FROM taskqueue.unsettled_effect WHERE key_expires_at < now()") == 0
      )
    }
  }

  @Test("A page of a large table is read by the primary key, effects by the index of unsettled ones")
  func plans() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        INSERT INTO taskqueue.task (type, payload, ready, due_at) SELECT 'note', '{}', false, now() + interval '1 d'
          FROM generate_series(1, 50000);
        INSERT INTO taskqueue.effect (task_id, name, task_type, key, request_digest, state, token, call_limit, key_used_at,
            intended_at, changed_at)
          SELECT i, 'charge', 'note', gen_random_uuid(), sha256(''), 'succeeded', 1, '1 s', now(), now(), now()
          FROM generate_series(1, 50000) AS i;
        INSERT INTO taskqueue.alarm_rule VALUES ('note', '4 h');
        ANALYZE taskqueue.task; ANALYZE taskqueue.effect;
        """
      )
      _ = try await store.alarms(after: nil, page: 1_000, limit: 100, unknownAfter: .zero)
      for (name, index) in [("overdue", "task_pkey"), ("fx_counts", "effect_unsettled")] {
        let found = try await store.pool.withConnection { connection in
          let statement = try await connection.query(
            "SELECT name FROM pg_prepared_statements WHERE name ~ $1",
            [.text("^tq_\(name)_[0-9a-f]{8}")]
          )
          let prepared = try statement[0].text(0)
          let arguments = name == "overdue" ? "0, 1000, 100" : "'15 min', 1000"
          let plan = try await connection.query("EXPLAIN EXECUTE \"\(prepared)\"(\(arguments))")
          return try plan.rows.map { try $0.text(0) }.joined(separator: "\n")
        }
        #expect(found.contains(index), "\(found)")
        #expect(!found.contains("Seq Scan on task "), "\(found)")
        #expect(!found.contains("Seq Scan on effect"), "\(found)")
      }
    }
  }
}
