import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Rates in PostgreSQL")
struct RateTests {
  @Test(
    "S48 No rate drifts: hundreds of admissions take what they are to take, to 1 %",
    arguments: [1, 3, 7, 10, 100, 1_000, 7_000]
  )
  func drift(rate: Int) async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", rate: LimitRate(rate))])
      let last = try await store.pool.query(
        "SELECT extract(epoch FROM max(taskqueue.take_limit('bank', up_to => '1 day')))::float8 FROM generate_series(1, 301)"
      )[0].float8(0)
      // The clock goes on meanwhile, so the last one may wait for less.
      #expect(last <= 300 / Double(rate) * 1.01)
      let gap = try await store.pool.query("SELECT extract(epoch FROM gap)::float8 FROM taskqueue.limit_rule")[0]
        .float8(0)
      #expect(gap >= 1 / Double(rate) - 1e-9 && gap <= 1.01 / Double(rate))
      #expect(abs(gap - LimitRate(rate).gap / .seconds(1)) < 1e-9)
    }
  }

  @Test(
    "S48 What waits for its rate costs one look, when the next one may start, however many outcomes and polls there are"
  )
  func waitingCostsNothing() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(1_000)))])
      for number in 0..<5 { _ = try await store.add("\(number)") { $0.limit = TaskLimit("bank") } }
      let first = try #require(try await store.claimAll().first)
      #expect(try await store.settle(first.claim, .complete))
      for _ in 1...3 { #expect(try await store.claimAll().isEmpty) }
      let looks = "SELECT count(*) FROM taskqueue.limit_look WHERE look_at - clock_timestamp()"
      #expect(try await store.number("\(looks) > interval '900 s'") == 1)
      #expect(try await store.number("\(looks) < interval '900 s'") == 0)
    }
  }

  @Test("S48 Stamps are given ahead, evenly, and nobody brings them forward; a pause takes them back")
  func stamps() async throws {
    try await withStore { store in
      // In one script: nothing of it waits for a slow machine.
      try await store.pool.executeScript(
        """
        DO $$
        DECLARE
          stamps timestamptz[];
          again timestamptz[];
        BEGIN
          PERFORM set_config('search_path', 'taskqueue', true);
          PERFORM declare_limit('bank', rate => 10);
          PERFORM enqueue('note', '{}', limit_name => 'bank', unique_key => n::text) FROM generate_series(1, 9) AS n;
          COMMIT;
          PERFORM set_config('search_path', 'taskqueue', true);
          PERFORM _promote(1000);
          stamps := ARRAY(SELECT due_at FROM task WHERE slot > 0 ORDER BY id);
          ASSERT cardinality(stamps) = 5, 'five stamps';
          ASSERT (SELECT bool_and(stamps[n + 1] - stamps[n] = interval '100 ms') FROM generate_series(1, 4) AS n), 'evenly';
          ASSERT (SELECT count(*) FROM task WHERE ready) = 1, 'one is ready';
          PERFORM run_now(id, 0), retry(id) FROM task ORDER BY id;
          PERFORM enqueue('note', '{}', unique_key => n::text, unique_mode => 'coalesce') FROM generate_series(1, 9) AS n;
          again := ARRAY(SELECT due_at FROM task WHERE slot > 0 ORDER BY id);
          ASSERT again = stamps AND (SELECT count(*) FROM task WHERE ready) = 1, 'none is brought forward';
          ASSERT cancel((SELECT id FROM task WHERE slot = 5)) = 'cancelled', 'cancelled';
          ASSERT pause_limit_for('bank', '1 hour'), 'paused';
          UPDATE task SET due_at = clock_timestamp() WHERE slot > 0;
          PERFORM _promote(1000);
          ASSERT (SELECT count(*) FROM task WHERE slot = 0) = 8 AND NOT EXISTS (SELECT FROM task WHERE ready), 'all are in line';
        END $$;
        """
      )
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task WHERE slot > 0") == 0)
    }
  }

  @Test("S48 A raised rate counts from the last admission on")
  func raised() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(10_000)))])
      #expect(try await store.take(TaskLimit("bank"), within: .zero) == .zero)
      try await store.change("bank", .setRate(LimitRate(1, per: .seconds(1_000))))
      let wait = try await store.take(TaskLimit("bank"), within: .zero)
      #expect(wait > .seconds(900) && wait <= .seconds(1_000))
    }
  }

  @Test("S48 A change of the rate and a key's first charge that is not committed yet do not miss each other")
  func firstCharge() async throws {
    try await withStore { store in
      let other = LibpqPool(store.configuration.connection, maxConnections: 1)
      try await store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(10_000)))])
      try await withThrowingTaskGroup(of: Void.self) { group in
        try await other.withTransaction { transaction in
          _ = try await transaction.query("SELECT taskqueue.take_limit('bank', 'a')")
          group.addTask { try await store.change("bank", .setRate(LimitRate(1, per: .seconds(100)))) }
          // Over, or waiting for this transaction.
          try await eventually("the change is under way") {
            try await store.number(
              """
              SELECT count(*) FROM (
                SELECT FROM taskqueue.limit_rule WHERE operator_rate IS NOT NULL
                UNION ALL SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()) AS x
              """
            ) > 0
          }
        }
        try await group.waitForAll()
      }
      let wait = try await store.take(TaskLimit("bank", key: "a"), within: .zero)
      #expect(wait > .seconds(50) && wait <= .seconds(100))
      // The other way about.
      try await withThrowingTaskGroup(of: Void.self) { group in
        try await other.withTransaction { transaction in
          _ = try await transaction.query("SELECT taskqueue.set_limit('bank', new_rate => 1, new_period => '10000 s')")
          group.addTask { _ = try await store.take(TaskLimit("bank", key: "b"), within: .zero) }
          try await eventually("the charge is under way") {
            try await store.number(
              """
              SELECT count(*) FROM (
                SELECT FROM taskqueue.limit_pace WHERE limit_key = 'bank/b'
                UNION ALL SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()) AS x
              """
            ) > 0
          }
        }
        try await group.waitForAll()
      }
      let second = try await store.take(TaskLimit("bank", key: "b"), within: .zero)
      #expect(second > .seconds(5_000) && second <= .seconds(10_000))
      await other.close()
    }
  }

  @Test("S48 A thousand tasks that are late in line hold up none by their number")
  func lateLine() async throws {
    _ = try await withStore { store in
      // In one script: nothing of it waits for a slow machine.
      try await store.pool.executeScript(
        """
        DO $$
        DECLARE
          charged timestamptz;
        BEGIN
          PERFORM set_config('search_path', 'taskqueue', true);
          PERFORM declare_limit('bank', rate => 1, rate_period => '1 day');
          PERFORM take_limit('bank');
          charged := (SELECT next_at FROM limit_pace);
          PERFORM enqueue('note', '{}', limit_name => 'bank', deadline => now() - interval '1 s', priority => n % 2) FROM generate_series(1, 1500) AS n;
          PERFORM enqueue('note', '{}', limit_name => 'bank', priority => 1);
          COMMIT;
          PERFORM set_config('search_path', 'taskqueue', true);
          PERFORM _promote(1000), set_config('taskqueue.free_keys', '', true);
          ASSERT (SELECT count(*) FROM task WHERE ready) = 1000, 'as many as there are slots, at once';
          ASSERT (SELECT next_at FROM limit_pace) = charged, 'nothing is charged';
          DELETE FROM task WHERE ready;
          UPDATE limit_look SET look_at = clock_timestamp();
          COMMIT;
          PERFORM set_config('search_path', 'taskqueue', true);
          PERFORM _promote(1000);
          ASSERT (SELECT count(*) FROM task WHERE ready) = 500, 'the rest';
          ASSERT (SELECT count(*) FROM task WHERE slot = 0) = 1, 'the other one waits for its rate';
          ASSERT (SELECT next_at FROM limit_pace) = charged, 'nothing is charged yet';
        END $$;
        """
      )
    }
  }

  @Test("Errors say what to do instead, and names are not taken for keys")
  func errors() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", rate: LimitRate(10))])
      for (statement, text) in [
        ("take_limit('bank/a')", "no slashes"), ("take_limit('bank', NULL)", "not NULL"),
        ("take_limit('bank', repeat('x', 129))", "at most 128 bytes"),
        ("take_limit('bank', E'a\\tb')", "control characters"),
        ("pause_limit_for('bank/a', '1 s')", "no slashes"),
        ("pause_limit_for('bank', '1 s', E'\\n')", "control characters"),
        ("set_limit('bank')", "nothing to set"), ("set_limit('bank', 1001)", "1 ... 1000"),
        ("declare_limit('x', ordered => NULL)", "not NULL"), ("declare_limit('x/y')", "no slashes"),
      ] {
        let error = await #expect(throws: LibpqError.self, "\(statement)") {
          try await store.pool.query(LibpqStatement("SELECT taskqueue.\(statement)"))
        }
        #expect(
          error?.sqlState == "22023" && error?.message.contains(text) == true,
          "\(statement): \(error?.message ?? "")"
        )
      }
    }
  }

  @Test("A role that may not change limits is told which grant it needs")
  func roles() async throws {
    try await withTestDatabase { database in
      for (role, calls) in [
        ("enqueuer", ["set_limit('bank', 1)", "pause_limit_for('bank', '1 s')", "cancel(1)", "take_limit('bank')"]),
        ("operator", ["declare_limit('bank')", "take_limit('bank')"]),
      ] {
        try await database.withRole(role) { granted in
          try await granted("grant_\(role)")
          let pool = LibpqPool(granted.configuration)
          for call in calls {
            let error = await #expect(throws: LibpqError.self, "\(call)") {
              try await pool.query(LibpqStatement("SELECT taskqueue.\(call)"))
            }
            #expect(error?.sqlState == "42501" && error?.hint?.contains("grant_") == true, "\(role): \(call)")
          }
          await pool.close()
        }
      }
    }
  }

  @Test("S48, S49 From plain SQL: declared, weighed, taken, paused, seen; and wrong rates are refused")
  func sql() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        SELECT taskqueue.declare_limit('bank', rate => 10, rate_period => '1 min', burst => 2), taskqueue.declare_limit('o', ordered => true);
        SELECT taskqueue.enqueue('note', '{"text": "sql"}', limit_name => 'bank', limit_weight => 2) FROM generate_series(1, 2);
        SELECT taskqueue.set_limit('bank', new_rate => 20, new_period => '1 min', new_burst => 2);
        """
      )
      #expect(try await store.number("SELECT sum(weight) FROM taskqueue.live_task") == 4)
      #expect(try await store.claimAll().count == 1)
      let row = try await store.pool.query(
        "SELECT concurrency, rate, declared_rate, burst FROM taskqueue.limits WHERE name = 'bank'"
      )[0]
      #expect(try (0..<4).map { try row.int4($0) } == [1_000, 20, 10, 2])
      #expect(try await store.pool.query("SELECT taskqueue.take_limit('bank') > '1 s'")[0].bool(0))
      #expect(try await store.pool.query("SELECT taskqueue.pause_limit_for('o', '1 min', 'a')")[0].bool(0))
      #expect(try await !store.pool.query("SELECT taskqueue.pause_limit_for('none', '1 min')")[0].bool(0))
      for (statement, state) in [
        ("SELECT taskqueue.declare_limit('x', rate => 1, ordered => true)", "22023"),
        ("SELECT taskqueue.declare_limit('x', rate => 0)", "22023"),
        ("SELECT taskqueue.declare_limit('x', rate => 10001)", "22023"),
        ("SELECT taskqueue.declare_limit('x', rate => 1, burst => 0)", "22023"),
        ("SELECT taskqueue.declare_limit('x', rate => 1, rate_period => '101 days')", "22023"),
        ("SELECT taskqueue.set_limit('o', new_rate => 1)", "22023"), ("SELECT taskqueue.set_limit('bank')", "22023"),
        ("SELECT taskqueue.enqueue('note', '{}', limit_name => 'bank', limit_weight => 1001)", "22023"),
        ("SELECT taskqueue.take_limit('none')", "TQ002"), ("SELECT taskqueue.take_limit('bank', weight => 0)", "22023"),
        ("SELECT taskqueue.take_limit('bank', up_to => '2 days')", "22023"),
        ("SELECT taskqueue.pause_limit_for('bank', NULL)", "22023"),
      ] {
        let error = await #expect(throws: LibpqError.self, "\(statement)") {
          try await store.pool.query(LibpqStatement(statement))
        }
        #expect(error?.sqlState == state, "\(statement)")
      }
    }
  }

  @Test("S48 Keys that were not used for long are forgotten, but not before their burst is back")
  func oldKeys() async throws {
    try await withStore { store in
      try await store.declare([
        LimitRule("bank", rate: LimitRate(10)), LimitRule("rare", rate: LimitRate(1, per: .seconds(86_400))),
      ])
      for name in ["bank", "rare"] { _ = try await store.take(TaskLimit(name), within: .zero) }
      try await store.pool.executeScript("UPDATE taskqueue.limit_pace SET next_at = next_at - interval '2 days'")
      _ = try await store.dropExpiredKeys()
      #expect(
        try await store.pool.query("SELECT string_agg(limit_key, ',') FROM taskqueue.limit_pace")[0].text(0) == "rare/"
      )
    }
  }
}
