import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("What people see and do")
struct OperatingTests {
  @Test("It keeps the contract, and what is dropped in time", arguments: OperatingConformance.all)
  func conforms(to check: OperatingConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  @Test("S73 The functions write their lines for whom psql names, and none for programs")
  func plainSQL() async throws {
    try await withStore { store in
      let ids = try await store.enqueue((0..<3).map { try NewTask(Note(text: "\($0)")) }).map(\.id)
      try await store.declare([LimitRule("bank", concurrency: 3)])
      try await store.pool.executeScript("SELECT taskqueue.cancel(\(ids[2])); SELECT taskqueue.pause_queue('quiet')")
      #expect(try await store.number("SELECT count(*) FROM taskqueue.action") == 0)
      try await store.pool.executeScript(
        """
        SET taskqueue.actor = 'ann'; SET taskqueue.reason = 'the bank is down';
        SELECT taskqueue.cancel(\(ids[0])); SELECT taskqueue.retry(\(ids[0])); SELECT taskqueue.run_now(\(ids[1]), 0);
        SELECT taskqueue.redrive(); SELECT taskqueue.cancel(\(ids[1])); SELECT taskqueue.purge(everything => true);
        SELECT taskqueue.pause_queue('mail'); SELECT taskqueue.resume_queue('mail');
        SELECT taskqueue.set_limit('bank', 2); SELECT taskqueue.pause_limit('bank'); SELECT taskqueue.resume_limit('bank');
        SELECT taskqueue.reset_limit('bank'); SELECT taskqueue.pause_limit_for('bank', '30 s', '7');
        SELECT taskqueue.schedule_put('nightly', '0 3 * * *', 'note', '{"text": "x"}'); SELECT taskqueue.schedule_pause('nightly');
        SELECT taskqueue.schedule_resume('nightly'); SELECT taskqueue.schedule_run('nightly'); SELECT taskqueue.schedule_reset('nightly');
        SELECT taskqueue.schedule_remove('nightly'); SELECT taskqueue.cancel(99999)
        """
      )
      let lines = try await store.actions(before: nil, about: nil, limit: 100).reversed()
      #expect(
        lines.map(\.verb.rawValue) == [
          "cancel", "retry", "run_now", "redrive", "cancel", "purge", "pause_queue", "resume_queue", "set_limit",
          "pause_limit", "resume_limit", "reset_limit", "pause_limit_for", "schedule_put", "schedule_pause",
          "schedule_resume", "schedule_run", "schedule_remove",
        ]
      )
      #expect(lines.allSatisfy { $0.actor == "ann" && $0.reason == "the bank is down" && !$0.role.isEmpty })
      let redriven = try #require(lines.first { $0.verb == .redrive })
      #expect(redriven.tasks == [ids[2]] && redriven.taskCount == 1)
      #expect(lines.first { $0.verb == .purge }?.tasks == [ids[1]])
    }
  }

  @Test("A success without a value is refused in plain SQL, and null is one if that is said")
  func successWithoutValue() async throws {
    try await withStore { store in
      let error = await #expect(throws: LibpqError.self) {
        try await store.pool.query("SELECT taskqueue.resolve_effect(1, 'charge', 'succeeded')")
      }
      #expect(error?.sqlState == "22023" && error?.message.contains("what succeeded has a value") == true)
      #expect(error?.hint?.contains("JSON null") == true)
      let answer = try await store.pool.query("SELECT taskqueue.resolve_effect(1, 'charge', 'succeeded', 'null')")
      #expect(try answer[0].text(0) == "unknown")
    }
  }

  @Test("S74 Nobody changes the journal, not even its owner")
  func appendOnly() async throws {
    try await withStore { store in
      _ = try await store.perform(.pauseQueue("mail"), noting: .init(actor: "ann", reason: nil))
      for statement in [
        "UPDATE taskqueue.action SET actor = 'bob'", "DELETE FROM taskqueue.action", "TRUNCATE taskqueue.action",
        "SELECT taskqueue._drop_actions('1 hour', 10)", "SELECT taskqueue._drop_actions('-100 years 36030 days', 10)",
      ] {
        let error = await #expect(throws: LibpqError.self, "\(statement)") { try await store.pool.query(statement) }
        #expect(["42501", "22023"].contains(error?.sqlState ?? ""), "\(statement)")
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.action") == 1)
    }
  }

  @Test("S74 Nor does a worker whose rights were granted by hand, as the documents say, whatever it sets")
  func byHand() async throws {
    try await withTestDatabase { database in
      let owner = try PostgresTaskStore(.init(database.postgresConfiguration))
      _ = try await owner.perform(.pauseQueue("mail"), noting: .init(actor: "ann", reason: nil))
      try await database.withRole("hand") { role in
        for grant in [
          "GRANT USAGE ON SCHEMA taskqueue TO",
          "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA taskqueue TO",
          "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA taskqueue TO",
        ] {
          try await database.query("\(grant) \(role.name)")
        }
        let store = try PostgresTaskStore(.init(role.configuration))
        try await store.checkEnvironment()
        try await SmallWorkload(store: store).run()
        await #expect(throws: LibpqError.self) {
          try await store.pool.executeScript("SET taskqueue.drops_actions = 'on'; DELETE FROM taskqueue.action")
        }
        try await database.query("REVOKE INSERT, UPDATE, DELETE ON taskqueue.action FROM \(role.name)")
        try await store.checkEnvironment()
        let error = await #expect(throws: LibpqError.self) {
          try await store.pool.query("INSERT INTO taskqueue.action (actor, verb, target) VALUES ('x', 'purge', 'y')")
        }
        #expect(error?.sqlState == "42501")
        await store.close()
      }
      #expect(try await owner.number("SELECT count(*) FROM taskqueue.action") == 1)
      await owner.close()
    }
  }

  @Test("S73 What is not there is not written down, and a name that cannot be is told in words")
  func refusedLines() async throws {
    try await withStore { store in
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("SET LOCAL taskqueue.actor = 'ann'")
        let answer = try await transaction.query("SELECT taskqueue.run_now(99999, 0), taskqueue.run_now(NULL, NULL)")
        #expect(try answer[0].bool(0) == false)
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.action") == 0)
      for (setting, value) in [("actor", "a\tb"), ("actor", String(repeating: "a", count: 129))] {
        let error = await #expect(throws: (any Error).self) {
          try await store.pool.withTransaction { transaction in
            _ = try await transaction.query("SELECT set_config('taskqueue.\(setting)', $1, true)", [.text(value)])
            _ = try await transaction.query("SELECT taskqueue.pause_queue('mail')")
          }
        }
        #expect((error as? LibpqError)?.message.contains("taskqueue.actor must have 1 to 128 bytes") == true)
      }
    }
  }

  @Test("S73 A role that only reads writes no line of the journal, whoever it says it is")
  func reader() async throws {
    try await withTestDatabase { database in
      try await database.withRole("reader") { role in
        try await database.query("GRANT pg_read_all_data TO \(role.name)")
        let pool = LibpqPool(role.configuration, maxConnections: 1)
        try await pool.query("SELECT set_config('taskqueue.actor', 'ann', false)")
        let error = await #expect(throws: LibpqError.self) {
          try await pool.query("SELECT taskqueue._journal('cancel', 'task/1')")
        }
        #expect(error?.sqlState == "42501")
        await pool.close()
      }
    }
  }

  @Test("S73 An operator's role acts with its own name in the journal, reads everything, and writes no line by itself")
  func role() async throws {
    try await withTestDatabase { database in
      let owner = try PostgresTaskStore(.init(database.postgresConfiguration))
      let ids = try await owner.enqueue((0..<2).map { try NewTask(Note(text: "\($0)")) }).map(\.id)
      try await owner.declare([LimitRule("bank", concurrency: 3)])
      try await database.withRole("op") { role in
        try await role("grant_operator")
        let store = try PostgresTaskStore(.init(role.configuration))
        let client = TaskClient(store: store)
        let ann = client.operating(as: "ann", because: "on call")
        #expect(try await ann.cancel(ids[0]) == .cancelled)
        #expect(try await ann.retry(ids[0]) == .redriven)
        #expect(try await ann.runNow(ids[1]))
        try await ann.pause("mail")
        try await ann.setLimit("bank", concurrency: 1)
        #expect(try await ann.cancel(ids[1]) == .cancelled)
        #expect(try await ann.redrive(.init(ids: [ids[1]])).ids == [ids[1]])
        #expect(try await client.list().tasks.count == 2)
        #expect(try await client.overview().queues.map(\.queue) == ["default", "mail"])
        #expect(try await client.detail(of: ids[0])?.actions.map(\.verb) == [.retry, .cancel])
        #expect(try await client.limitLines(of: "bank").isEmpty)
        let lines = try await client.operatorActions()
        #expect(lines.count == 7 && lines.allSatisfy { $0.role == role.name && $0.actor == "ann" })
        for statement in [
          "INSERT INTO taskqueue.action (actor, verb, target) VALUES ('bob', 'cancel', 'task/1')",
          "DELETE FROM taskqueue.action", "SELECT taskqueue._drop_actions('1 year', 10)",
        ] {
          let error = await #expect(throws: LibpqError.self) { try await store.pool.query(statement) }
          #expect(error?.sqlState == "42501", "\(statement)")
        }
        await store.close()
      }
      await owner.close()
    }
  }

  @Test("S72 Every read works where nothing can be written")
  func readOnly() async throws {
    try await withTestDatabase { database in
      let owner = try PostgresTaskStore(.init(database.postgresConfiguration))
      let id = try await owner.add("x").id
      try await owner.declare([LimitRule("bank", concurrency: 3)])
      await owner.close()
      let settings = database.configuration("options=-cdefault_transaction_read_only%3Don")
      let isURI = database.connectionString.contains("://")
      let plain = database.configuration("options='-c default_transaction_read_only=on'")
      let store = try PostgresTaskStore(.init(isURI ? settings : plain))
      let client = TaskClient(store: store)
      #expect(try await client.list().tasks.map(\.id) == [id])
      for state in [TaskState.running, .due, .waiting, .limited, .finished, .dead, .done] {
        #expect(try await client.list(.with { $0.state = state }).tasks.count == (state == .due ? 1 : 0))
      }
      #expect(try await client.overview().queues.count == 1)
      #expect(try await client.detail(of: id, withPayload: true) != nil)
      #expect(try await client.limitLines(of: "bank").isEmpty)
      #expect(try await client.operatorActions(about: .task(id)).isEmpty)
      let error = await #expect(throws: TaskQueueError.self) { try await client.operating(as: "ann").pause("mail") }
      #expect(error?.code == .storeFailed)
      await store.close()
    }
  }

  @Test("S70 Of a long queue the running tasks come in the order of claims, each once")
  func longQueue() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        INSERT INTO taskqueue.task (queue, type, payload, due_at)
        SELECT CASE WHEN n <= 12000 THEN 'long' ELSE 'zebra' END, 'note', '{}', now() - n * interval '1 ms' FROM generate_series(1, 12020) AS n
        """
      )
      let held = try await store.claimAll(120, queues: ["long"]).map(\.claim.id)
      let others = try await store.claimAll(20, queues: ["zebra"]).map(\.claim.id)
      func all(_ filter: TaskFilter) async throws -> [TaskID] {
        var page = try await store.list(filter, after: nil, limit: 50)
        var ids = page.tasks.map(\.id)
        while let next = page.next {
          #expect(page.lookedAt <= Limits.listLook)
          page = try await store.list(filter, after: next, limit: 50)
          ids += page.tasks.map(\.id)
        }
        return ids
      }
      let running = try await all(.with { ($0.state, $0.queue) = (.running, "long") })
      #expect(running == held)
      let everywhere = try await all(.with { $0.state = .running })
      #expect(everywhere.count == 140 && Set(everywhere) == Set(held + others))
      let due = try await all(.with { ($0.state, $0.queue) = (.due, "long") })
      #expect(due.count == 11_880 && Set(due).count == 11_880 && due == due.sorted().reversed())
      for cursor in ["i.x", "c.1.2", "r.7.zz", "x", "i.99999999999999999999", "c.100.9223372036854775806.7", "r.7.ff"] {
        await #expect(throws: TaskQueueError.self, "\(cursor)") {
          try await store.list(.init(), after: TaskCursor(cursor), limit: 10)
        }
      }
    }
  }

  @Test("S72 A parent's detail has its children, and why it waits is said in words")
  func children() async throws {
    try await withStore { store in
      let parent = try await store.add("parent").id
      let claim = try await store.claimAll()[0].claim
      let (members, group) = try await store.withTransaction { transaction in
        let ids = try await store.enqueue((0..<3).map { try NewTask(Note(text: "\($0)")) }, in: transaction).map(\.id)
        let group = try await store.makeGroup(of: ids, atMost: nil, parent: parent, callback: nil, in: transaction)
        return (ids, group)
      }
      let wait = FlowWait("~children", place: 1, end: .never, event: GroupRules.key(group, mark: 3))
      #expect(try await store.settle(claim, .suspend([wait])))
      let first = try await store.claimAll(1)[0]
      let kept = Conclusion(result: Data("1".utf8), retain: .seconds(60))
      #expect(try await store.settle(first.claim, .conclude(kept)))
      try await eventually("the end is counted") {
        _ = try await store.claimAll(1, types: ["none"])
        return try await store.progress(of: group)?.ended == 1
      }
      let explanation = try await store.explain(parent)
      #expect(explanation.cause == .children(group, ended: 1, of: 3, until: nil))
      #expect(explanation.sentences[0] == "It waits for its children: 1 of 3 have ended.")
      let detail = try #require(try await store.detail(of: parent, withPayload: false))
      #expect(detail.groups.map(\.id) == [group])
      #expect(detail.children.map(\.task) == members)
      #expect(detail.children[0].outcome == "completed" && detail.children[0].summary?.state == .done)
      #expect(detail.children[1].outcome == nil && detail.children[1].summary?.state == .due)
      let child = try #require(try await store.detail(of: members[1], withPayload: false))
      #expect(child.parent == parent && child.group == group)
    }
  }

  @Test("A group takes no callback with a unique key")
  func callbackWithKey() async throws {
    try await withStore { store in
      let error = await #expect(throws: TaskQueueError.self) {
        try await store.withTransaction { transaction in
          let id = try await store.enqueue([NewTask(Note(text: "x"))], in: transaction)[0].id
          let options = EnqueueOptions.with { $0.unique = UniqueKey("k") }
          let last = try await store.enqueue([NewTask(Note(text: "y"), options: options)], in: transaction)[0].id
          _ = try await store.makeGroup(of: [id], atMost: nil, parent: nil, callback: last, in: transaction)
        }
      }
      let cause = error?.underlying as? LibpqError
      #expect(cause?.message.contains("without a unique key") == true)
    }
  }

  @Test("S60 A header that asks for a very long time keeps the task for the longest one")
  func longRetention() async throws {
    try await withStore { store in
      for digits in ["9999999999", "99999999999999999999999"] {
        let id = try await store.add("x") { $0.headers = ["taskqueue-retain": digits] }.id
        let task = try await store.claimAll()[0]
        #expect(task.claim.id == id)
        try await store.pool.query("SELECT taskqueue.complete(\(id), \(task.claim.token))")
        #expect(try await store.ending(of: id) == .completed(nil))
        guard case .done(_, let until) = try await store.explain(id).cause else {
          Issue.record("it is not explained as done")
          return
        }
        #expect(abs(until.timeIntervalSinceNow - 366 * 86_400) < 60)
      }
    }
  }
}
