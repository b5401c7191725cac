import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

private struct Sheet: TaskPayload {
  static let taskType: TaskType = "test.sheet"
  var number: Int
}

@Suite("Children and groups in PostgreSQL")
struct PostgresGroupTests {
  @Test("The PostgreSQL store keeps the contract of groups", arguments: GroupConformance.all)
  func conforms(to check: GroupConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  private func worker(
    _ store: PostgresTaskStore,
    sheet: @escaping @Sendable (Sheet, TaskContext) async throws -> TaskOutcome = { sheet, _ in
      try .completed(result: 2 * sheet.number)
    },
    parent note: @escaping @Sendable (Note, TaskContext) async throws -> TaskOutcome
  ) throws -> TaskWorker {
    var handlers = TaskHandlers()
    let options = TaskHandlerOptions(retry: .fixed(.milliseconds(50)), maxAttempts: 3)
    try handlers.register(Note.self, options: options, note)
    try handlers.register(Sheet.self, options: options, sheet)
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = 20
    return try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: .silent)
  }

  private func waitForEmpty(_ store: PostgresTaskStore) async throws {
    while try await store.number("SELECT count(*) FROM taskqueue.task") > 0 {
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test("Two thousand children, twenty at a time: never more, all come back, the parent a few times only")
  func many() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let running = Mutex((now: 0, most: 0))
      let attempts = Atomic<Int>(0)
      let sum = Mutex<Int?>(nil)
      let worker = try worker(store) { sheet, _ in
        running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        try await Task.sleep(for: .milliseconds(1))
        running.withLock { $0.now -= 1 }
        if sheet.number.isMultiple(of: 500) { return .discard(reason: "not wanted") }
        return try .completed(result: sheet.number)
      } parent: { _, context in
        attempts.wrappingAdd(1, ordering: .relaxed)
        let sheets = (1...2_000).map { Sheet(number: $0) }
        let children = try await context.children("sheets", sheets, atMost: 10)
        let results = try await children.results(as: Int.self)
        sum.withLock { $0 = results.compactMap { try? $0.result.get() }.reduce(0, +) }
        return .completed
      }
      _ = try await client.enqueue(Note(text: "parent"))
      try await run(worker) { try await waitForEmpty(store) }
      #expect(sum.withLock { $0 } == 1_996_000)
      #expect(running.withLock { $0.most } <= 10)
      let count = attempts.load(ordering: .relaxed)
      #expect(count == 2)
      _ = try await store.keepGroups(within: .seconds(60))
      for table in ["done", "task_group", "group_end", "step", "event_wait"] {
        #expect(try await store.number("SELECT count(*) FROM taskqueue.\(table)") == 0, "\(table)")
      }
    }
  }

  @Test("Three hundred parents with a child each, whose ends come before, at the same time as, and after the waits")
  func races() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let good = Atomic<Int>(0)
      let worker = try worker(store) { sheet, context in
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...60)))
        if sheet.number.isMultiple(of: 3) {
          // Its commit comes when its group may have been looked at already.
          try await client.withTransaction { transaction in
            try await client.settle(context, .completed(result: 2 * sheet.number), in: transaction)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...80)))
          }
          return .settledInTransaction
        }
        return try .completed(result: 2 * sheet.number)
      } parent: { note, context in
        let number = Int(note.text) ?? 0
        let child = try await context.child("sheet", Sheet(number: number))
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...60)))
        if try await child.value(as: Int.self) == 2 * number { good.wrappingAdd(1, ordering: .relaxed) }
        return .completed
      }
      _ = try await client.enqueue(all: (1...300).map { Note(text: "\($0)") })
      try await run(worker) { try await waitForEmpty(store) }
      let count = good.load(ordering: .relaxed)
      #expect(count == 300)
    }
  }

  @Test("A start of children that rolls back leaves none, and the next attempt's are the only ones")
  func rollback() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let id = try await store.add("parent").id
      let stale = try await store.claimAll()[0]
      try await store.endLeases()
      let fresh = try await store.claimAll()[0]
      let context = { (task: ClaimedTask) in
        SingleAttempt(store: store, handlers: try Self.parent(), middleware: [], effects: .init())
      }
      // The stale attempt goes through the same handler, and is refused.
      let result = try await context(stale).run(stale)
      #expect((result.error as? TaskQueueError)?.code == .leaseLost)
      #expect(!result.isRecorded)
      for table in ["task_group", "group_end", "step"] {
        #expect(try await store.number("SELECT count(*) FROM taskqueue.\(table)") == 0, "\(table)")
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task") == 1)
      let second = try await context(fresh).run(fresh)
      #expect(second.isSuspended)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task WHERE group_id IS NOT NULL") == 3)
      #expect(try await client.steps(of: id).map(\.name).contains("sheets"))
    }
  }

  private static func parent() throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(Note.self) { _, context in
      _ = try await context.children("sheets", (1...3).map { Sheet(number: $0) }).all(as: Int.self)
      return .completed
    }
    return handlers
  }

  @Test("Completed by plain SQL, a child has ended")
  func plainSQL() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let group = try await client.enqueueGroup([client.newTask(Note(text: "x"))])
      let claim = try await store.claimAll()[0].claim
      try await store.pool.query("SELECT taskqueue.complete($1, $2)", [.int8(claim.id.rawValue), .int8(claim.token)])
      try await store.pool.query("UPDATE taskqueue.event_look SET look_at = now()")
      _ = try await store.claimAll()
      #expect(try await client.progress(of: group)?.completed == 1)
    }
  }

  @Test("While another session counts a group nobody waits, and nothing is counted twice")
  func twoCounters() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let group = try await client.enqueueGroup((1...4).map { _ in try client.newTask(Note(text: "x")) }, atMost: 2)
      let claimed = try await store.claimAll()
      #expect(claimed.count == 2)
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("SELECT FROM taskqueue.task_group FOR UPDATE")
        try await store.elsewhere { other in
          for task in claimed { #expect(try await other.settle(task.claim, .conclude(Conclusion()))) }
          try await other.pool.query("UPDATE taskqueue.event_look SET look_at = now()")
          #expect(try await other.claimAll().isEmpty)
        }
      }
      #expect(try await client.progress(of: group)?.ended == 0)
      // The look that was put off.
      try await store.pool.query("UPDATE taskqueue.event_look SET look_at = now()")
      #expect(try await store.claimAll().count == 2)
      #expect(try await client.progress(of: group)?.ended == 2)
    }
  }

  @Test("A member that waits for its turn while another session has it locked has its turn afterwards")
  func lockedMember() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      _ = try await client.enqueueGroup((1...3).map { _ in try client.newTask(Note(text: "x")) }, atMost: 1)
      let first = try await store.claimAll()[0]
      #expect(try await store.settle(first.claim, .conclude(Conclusion())))
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("SELECT FROM taskqueue.task WHERE member = 2 FOR UPDATE")
        try await store.elsewhere { other in
          try await other.pool.query("UPDATE taskqueue.event_look SET look_at = now()")
          #expect(try await other.claimAll().isEmpty)
        }
      }
      try await store.pool.query("UPDATE taskqueue.event_look SET look_at = now()")
      #expect(try await store.claimAll().count == 1)
    }
  }

  @Test("A thousand groups' looks and ends are read by index")
  func plans() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let tasks = try (1...3_000).map { try client.newTask(Note(text: "\($0)")) }
      let group = try await client.enqueueGroup(tasks)
      while case let claimed = try await store.claimAll(1_000), !claimed.isEmpty {
        let settlements = claimed.map { Settlement($0.claim, .conclude(Conclusion(result: Data("1".utf8)))) }
        let applied = try await store.exchange(settle: settlements, claim: nil).applied
        #expect(applied.allSatisfy { $0 })
      }
      try await store.pool.query("UPDATE taskqueue.event_look SET look_at = now()")
      _ = try await store.claimAll()
      #expect(try await client.progress(of: group)?.completed == 3_000)
      var seen = 0
      while case let page = try await client.results(of: group, as: Int.self, after: seen, limit: 1_000),
        let last = page.last
      {
        #expect(page.allSatisfy { (try? $0.result.get()) == 1 })
        seen = last.place
      }
      #expect(seen == 3_000)
    }
  }

  @Test("What waits for its turn, or for all others, says so, in the schema's words as in ours")
  func explained() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let members = try (1...2).map { _ in try client.newTask(Note(text: "x")) }
      let group = try await client.enqueueGroup(members, atMost: 1, then: client.newTask(Note(text: "last")))
      let causes: [TaskExplanation.Cause] = [
        .noWorker(.default), .turn(group, isCallback: false), .turn(group, isCallback: true),
      ]
      for (id, cause) in zip(1..., causes) {
        let explanation = try await client.explain(TaskID(Int64(id)))
        #expect(explanation.cause == cause)
        let words = try await store.pool.query("SELECT sentence FROM taskqueue.explain($1)", [.int8(Int64(id))])
        #expect(try words[0].text(0) == explanation.sentences[0])
      }
    }
  }

  @Test("Members that are cancelled before their turn make no room for more than may run")
  func endedBeforeTheirTurn() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let members = try (1...40).map { _ in try client.newTask(Note(text: "x")) }
      let group = try await client.enqueueGroup(members, atMost: 2)
      for id in 20...35 { _ = try await client.cancel(TaskID(Int64(id))) }
      var ended = 16
      while true {
        try await Task.sleep(for: .milliseconds(30))
        let claimed = try await store.claimAll()
        #expect(claimed.count <= 2)
        for task in claimed { #expect(try await store.settle(task.claim, .conclude(Conclusion()))) }
        ended += claimed.count
        if ended == 40, try await client.progress(of: group)?.finishedAt != nil { break }
      }
      #expect(try await client.progress(of: group)?.failed == 16)
    }
  }
}
