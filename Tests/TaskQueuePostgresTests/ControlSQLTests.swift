import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("What a person types in psql")
struct ControlSQLTests {
  /// Runs one statement in psql.
  private func psql(_ store: PostgresTaskStore, _ sql: String) async throws -> Psql.Output {
    try await Psql.run(store.configuration.connection.connectionString, ["-c", sql])
  }

  private func answer(_ store: PostgresTaskStore, _ sql: String) async throws -> String {
    let output = try await psql(store, sql)
    #expect(output.status == 0, "\(output.errors)")
    return output.text
  }

  /// Dead letters of a type, oldest first.
  private func bury(_ store: PostgresTaskStore, _ count: Int, type: TaskType = "note", key: String? = nil) async throws
    -> [TaskID]
  {
    let options = EnqueueOptions.with { $0.unique = key.map { UniqueKey($0) } }
    let tasks = try (0..<count).map { _ in try NewTask(type: type, json: Data("{}".utf8), options: options) }
    let ids = try await store.enqueue(tasks).map(\.id)
    let claimed = try await store.claimAll(1000, types: [type]).filter { ids.contains($0.claim.id) }
    let settled = try await store.exchange(
      settle: claimed.map { Settlement($0.claim, .bury(.failed, detail: "gave up", .sample)) },
      claim: nil
    )
    #expect(settled.applied.allSatisfy { $0 } && claimed.count == count)
    return ids
  }

  @Test("redrive() takes all that is there, also beyond a page; one, a type and a maximum can be chosen")
  func redrive() async throws {
    try await withStore { store in
      for _ in 0..<3 { _ = try await bury(store, 1000) }
      let others = try await bury(store, 5, type: "other")
      #expect(try await answer(store, "SELECT taskqueue.redrive(task_id => \(others[0]))") == "1")
      #expect(try await answer(store, "SELECT taskqueue.redrive(\(others[0]))") == "0")
      #expect(try await answer(store, "SELECT taskqueue.redrive(task_type => 'other', max_count => 2)") == "2")
      #expect(try await store.claimAll(types: ["other"]).map(\.claim.id) == Array(others[0...2]))
      #expect(try await answer(store, "SELECT taskqueue.redrive(task_type => 'other', older_than => '1 h')") == "0")
      #expect(try await answer(store, "SELECT taskqueue.redrive(task_type => 'other')") == "2")
      #expect(try await answer(store, "SELECT taskqueue.redrive()") == "3000")
      #expect(try await answer(store, "SELECT taskqueue.redrive()") == "0")
    }
  }

  @Test("What a variable holds by mistake stands for nothing, in redrive and in purge")
  func mistakes() async throws {
    try await withStore { store in
      _ = try await bury(store, 2)
      for function in ["redrive", "purge"] {
        for arguments in ["0", "task_type => ''"] {
          #expect(try await answer(store, "SELECT taskqueue.\(function)(\(arguments))") == "0", "\(function)")
        }
        for arguments in ["NULL, 'note'", "task_type => 'note', older_than => NULL", "max_count => -1"] {
          let error = await #expect(throws: LibpqError.self) {
            try await store.pool.query(LibpqStatement("SELECT taskqueue.\(function)(\(arguments))"))
          }
          #expect(error?.sqlState == "22023" && error?.message.hasPrefix("TaskQueue: ") == true, "\(arguments)")
        }
      }
      #expect(try await TaskClient(store: store).deadLetters().count == 2)
    }
  }

  @Test("A maximum of redrive counts those that live again, whatever stays before them")
  func redrivePastTakenKeys() async throws {
    try await withStore { store in
      for number in 1...3 {
        _ = try await bury(store, 1, key: "k\(number)")
        _ = try await store.add("x") { $0.unique = UniqueKey("k\(number)") }
      }
      let ids = try await bury(store, 3, type: "other")
      #expect(try await answer(store, "SELECT taskqueue.redrive(max_count => 2)") == "2")
      #expect(try await store.claimAll(types: ["other"]).map(\.claim.id) == Array(ids.prefix(2)))
    }
  }

  @Test("Two people who retry one dead letter at once both learn what became of it", arguments: [true, false])
  func retryTwice(_ commits: Bool) async throws {
    struct RolledBack: Error {}
    try await withStore { store in
      let id = try await bury(store, 1)[0]
      let call = "SELECT taskqueue.retry(\(id))"
      var second: Task<String, any Error>?
      do {
        try await store.pool.withTransaction { transaction in
          #expect(try await transaction.query(LibpqStatement(call))[0].text(0) == "redriven")
          second = Task.detached { try await answer(store, call) }
          try await eventually("the second one waits") {
            try await database(store, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0
          }
          if !commits { throw RolledBack() }
        }
      } catch is RolledBack {}
      #expect(try await second?.value == (commits ? "due" : "redriven"))
    }
  }

  private func database(_ store: PostgresTaskStore, _ sql: String) async throws -> Int {
    try await store.elsewhere { store in Int(try await answer(store, sql)) ?? -1 }
  }

  @Test("redrive says that a dead letter stays because its unique key is taken")
  func redriveWithTakenKey() async throws {
    try await withStore { store in
      _ = try await bury(store, 1, key: "k")
      _ = try await store.add("x") { $0.unique = UniqueKey("k") }
      let output = try await psql(store, "SELECT taskqueue.redrive()")
      #expect(output.text == "0")
      #expect(output.errors.contains("1 dead letters stay"))
    }
  }

  @Test("A dead letter whose id a live task has stays, and holds up no other: a restore without the sequence")
  func redriveWithTakenID() async throws {
    try await withStore { store in
      let ids = try await bury(store, 2)
      try await store.pool.query(
        "INSERT INTO taskqueue.task (id, type, payload) OVERRIDING SYSTEM VALUE VALUES ($1, 'note', '{}')",
        [.int8(ids[0].rawValue)]
      )
      #expect(try await answer(store, "SELECT taskqueue.redrive()") == "1")
      #expect(try await TaskClient(store: store).deadLetters().map(\.id) == [ids[0]])
    }
  }

  @Test("purge() without a condition deletes nothing; with one, or for everything, it does")
  func purge() async throws {
    try await withStore { store in
      let ids = try await bury(store, 1000)
      _ = try await bury(store, 500)
      _ = try await bury(store, 3, type: "other")
      for arguments in ["", "task_type => NULL", "everything => true, task_id => \(ids[0])"] {
        let error = await #expect(throws: LibpqError.self) {
          try await store.pool.query(LibpqStatement("SELECT taskqueue.purge(\(arguments))"))
        }
        #expect(error?.sqlState == "22023")
      }
      #expect(try await answer(store, "SELECT taskqueue.purge(task_type => 'note', older_than => '1 h')") == "0")
      #expect(try await answer(store, "SELECT taskqueue.purge(\(ids[0]))") == "1")
      #expect(try await answer(store, "SELECT taskqueue.purge(task_type => 'other', max_count => 1)") == "1")
      #expect(try await answer(store, "SELECT taskqueue.purge(task_type => 'note')") == "1499")
      #expect(try await answer(store, "SELECT taskqueue.purge(everything => true)") == "2")
    }
  }

  @Test("retry() says what happened, and leaves a running task alone without waiting for it")
  func retry() async throws {
    try await withStore { store in
      let waiting = try await store.add("waiting") { $0.schedule = .after(.seconds(3600)) }.id
      #expect(try await answer(store, "SELECT taskqueue.retry(\(waiting))") == "due")
      let running = try #require(try await store.claimAll().first)
      #expect(running.claim.id == waiting)
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query(LibpqStatement("SELECT 1 FROM taskqueue.task FOR UPDATE"))
        #expect(try await answer(store, "SET lock_timeout = '10 s'; SELECT taskqueue.retry(\(waiting))") == "running")
      }
      #expect(try await store.renew([running.claim], lease: .seconds(60)) == [.renewed])
      #expect(try await store.settle(running.claim, .complete))
      #expect(try await answer(store, "SELECT taskqueue.retry(\(waiting))") == "finished")
      #expect(try await answer(store, "SELECT taskqueue.retry(99)") == "unknown")

      let dead = try await bury(store, 1, key: "k")[0]
      #expect(try await answer(store, "SELECT taskqueue.retry(\(dead))") == "redriven")
      #expect(try await answer(store, "SELECT taskqueue.cancel(\(dead))") == "cancelled")
      _ = try await store.add("x") { $0.unique = UniqueKey("k") }
      #expect(try await answer(store, "SELECT taskqueue.retry(\(dead))") == "key_taken")
      let kept = try await store.add("kept") { $0.unique = UniqueKey("kept", periodAfterCompletion: .seconds(60)) }.id
      for task in try await store.claimAll() { #expect(try await store.settle(task.claim, .complete)) }
      #expect(try await answer(store, "SELECT taskqueue.retry(\(kept))") == "finished")
    }
  }

  @Test("Waiting tasks of a paused queue are made due by retry(), which says that the queue is paused")
  func retryPaused() async throws {
    try await withStore { store in
      let id = try await store.add("x").id
      #expect(try await answer(store, "SELECT taskqueue.pause_queue('default')") == "")
      let output = try await psql(store, "SELECT taskqueue.retry(\(id))")
      #expect(output.text == "due")
      #expect(output.errors.contains("the queue 'default' is paused"))
      #expect(try await store.claimAll().isEmpty)
      _ = try await answer(store, "SELECT taskqueue.resume_queue('default')")
      #expect(try await store.claimAll().count == 1)
    }
  }

  @Test("live_task shows every state in words, dead_letter why a task died")
  func views() async throws {
    try await withStore { store in
      let finished = try await store.add("a") { $0.unique = UniqueKey("k", periodAfterCompletion: .seconds(60)) }.id
      #expect(try await store.settle(store.claimAll()[0].claim, .complete))
      let failed = try await store.add("b").id
      #expect(try await store.settle(store.claimAll()[0].claim, .fail(.sample, retryAfter: .zero)))
      let running = try #require(try await store.claimAll().first)
      #expect(running.claim.id == failed)
      let due = try await store.add("c").id
      let waiting = try await store.add("d") { $0.schedule = .after(.seconds(60)) }.id
      let paused = try await store.add("e") { $0.queue = "q" }.id
      let later = try await store.add("f") {
        $0.queue = "q"
        $0.schedule = .after(.seconds(60))
      }.id
      try await store.pause("q")
      let states = try await store.pool.query(
        LibpqStatement(
          """
          SELECT string_agg(concat_ws(' ', id, state, due_at IS NOT NULL, lease_until IS NOT NULL, unique_until IS NOT NULL), ', '
            ORDER BY id) FROM taskqueue.live_task
          """
        )
      )[0].text(0)
      #expect(
        states == """
          \(finished) finished f f t, \(failed) running t t f, \(due) due t f f, \(waiting) waiting t f f, \(paused) paused t f f, \
          \(later) waiting t f f
          """
      )
      let message = "no\u{FFFD}thing"
      let last =
        "SELECT last_error, failures, attempt, payload ->> 'text' FROM taskqueue.live_task WHERE id = \(failed)"
      #expect(try await answer(store, last) == "\(message)|1|2|b")

      #expect(try await store.settle(running.claim, .bury(.failed, detail: "gave up", .sample)))
      let dead = "SELECT id, reason, detail, last_error, failures FROM taskqueue.dead_letter"
      #expect(try await answer(store, dead) == "\(failed)|failed|gave up|\(message)|2")
    }
  }
}
