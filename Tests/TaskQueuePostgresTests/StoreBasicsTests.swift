import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The PostgreSQL store")
struct StoreBasicsTests {
  @Test("A task is claimed once with everything it was enqueued with, and is gone when completed")
  func roundTrip() async throws {
    try await withStore { store in
      let deadline = Date(timeIntervalSince1970: 4_000_000_000)
      let enqueued = try await store.add("hällo") {
        $0.queue = "mail"
        $0.priority = -5
        $0.maxAttempts = 7
        $0.retry = .fixed(.seconds(3))
        $0.headers = ["trace": "1"]
        $0.deadline = deadline
      }
      #expect(enqueued.isNew)
      let claimed = try await store.claimAll(queues: ["default", "mail"])
      let task = try #require(claimed.first)
      #expect(claimed.count == 1)
      #expect(task.claim.id == enqueued.id)
      #expect(task.text == "hällo")
      #expect(task.queue == "mail")
      #expect(task.priority == -5)
      #expect(task.maxAttempts == 7)
      #expect(task.retry == RetryPolicy.fixed(.seconds(3)).stored)
      #expect(task.headers == ["trace": "1"])
      #expect(task.deadline == deadline)
      #expect((task.attempt, task.failures, task.crashes) == (1, 0, 0))
      #expect(try await store.claimAll(queues: ["mail"]).isEmpty)
      #expect(try await store.task(enqueued.id)?.state == .running)
      #expect(try await store.settle(task.claim, .complete))
      #expect(try await store.task(enqueued.id) == nil)
      #expect(try await !store.settle(task.claim, .complete))
    }
  }

  @Test("Order is priority, due time, id; a bulk's ids ascend in its order")
  func order() async throws {
    try await withStore { store in
      let bulk = try (0..<12_000).map { try NewTask(Note(text: "\($0)")) }
      let results = try await store.enqueue(bulk)
      #expect(results.map(\.id) == results.map(\.id).sorted())
      #expect(results.count == 12_000)
      _ = try await store.add("urgent") { $0.priority = 1 }
      _ = try await store.add("early") { $0.schedule = .at(Date(timeIntervalSince1970: 0)) }
      #expect(try await store.claimAll(3).map(\.text) == ["urgent", "0", "1"])
    }
  }

  @Test("A delayed task waits for its time, then goes by its priority")
  func delay() async throws {
    try await withStore { store in
      _ = try await store.add("now")
      _ = try await store.add("later") {
        $0.priority = 1
        $0.schedule = .after(.seconds(3600))
      }
      let request = ClaimRequest(
        queues: ["default"],
        types: ["note"],
        limit: 9,
        lease: .seconds(60),
        promotesDue: true
      )
      let first = try await store.exchange(settle: [], claim: request)
      #expect(first.claimed.map(\.text) == ["now"])
      let next = try #require(first.nextDueIn)
      #expect(next > .seconds(3590) && next <= .seconds(3600))
      try await store.pool.query("UPDATE taskqueue.task SET due_at = now() WHERE NOT ready")
      _ = try await store.add("third")
      #expect(try await store.claimAll().map(\.text) == ["later", "third"])
    }
  }

  @Test("With several queues each gets its share, and one alone gets everything")
  func fairShare() async throws {
    try await withStore { store in
      for queue in ["a", "b"] as [QueueName] {
        _ = try await store.enqueue(
          (0..<20).map { try NewTask(Note(text: "\($0)"), options: .with { $0.queue = queue }) }
        )
      }
      let first = try await store.claimAll(10, queues: ["a", "b", "c"])
      #expect(first.count == 10)
      #expect(first.count { $0.queue == "a" } >= 4)
      #expect(first.count { $0.queue == "b" } >= 4)
      #expect(try await store.claimAll(15, queues: ["a"]).count >= 14)
    }
  }

  @Test("A stale claim changes nothing and says so, even in one exchange with the fresh claim")
  func fence() async throws {
    try await withStore { store in
      _ = try await store.add("x")
      let stale = try await store.claimAll()[0].claim
      try await store.endLeases()
      let fresh = try await store.claimAll()[0]
      #expect(fresh.crashes == 1)
      #expect(fresh.attempt == 2)
      for action in [
        Settlement.Action.complete, .release, .reschedule(after: .zero, returnsAttempt: true),
        .fail(.sample, retryAfter: .zero), .bury(.discarded, detail: nil, nil),
      ] {
        #expect(try await !store.settle(stale, action))
      }
      #expect(try await store.renew([stale, fresh.claim], lease: .seconds(9)) == [.lost, .renewed])
      let exchange = try await store.exchange(
        settle: [Settlement(stale, .complete), Settlement(fresh.claim, .complete)],
        claim: nil
      )
      #expect(exchange.applied == [false, true])
    }
  }

  @Test("A lease that is over but not taken over still settles")
  func lateSettle() async throws {
    try await withStore { store in
      _ = try await store.add("x")
      let claim = try await store.claimAll()[0].claim
      try await store.endLeases()
      #expect(try await store.settle(claim, .complete))
    }
  }

  @Test("Failures are counted and their history kept; NUL characters in messages do no harm")
  func failures() async throws {
    try await withStore { store in
      let id = try await store.add("x").id
      for round in 1...12 {
        let claim = try await store.claimAll()[0].claim
        #expect(try await store.settle(claim, .fail(.sample, retryAfter: .zero)))
        #expect(try await store.task(id)?.failures == round)
      }
      #expect(try await store.task(id)?.errors.count == Limits.errorHistory)
      let claim = try await store.claimAll()[0].claim
      #expect(try await store.settle(claim, .bury(.failed, detail: "de\0tail", .sample)))
      let letter = try await store.deadLetters(.all, after: nil, limit: 10)[0]
      #expect(letter.reason == .failed)
      #expect(letter.failures == 13)
      #expect(try await store.redrive(.init(type: "note")) == [id])
      let again = try await store.claimAll()[0]
      #expect((again.claim.id, again.attempt, again.failures) == (id, 1, 0))
    }
  }

  @Test("A payload that is not JSON is refused, and the bulk with it")
  func badJSON() async throws {
    try await withStore { store in
      let tasks = [try NewTask(Note(text: "x")), try NewTask(type: "note", json: Data("{".utf8))]
      let error = await #expect(throws: TaskQueueError.self) { try await store.enqueue(tasks) }
      #expect(error?.code == .encodingFailed)
      #expect(try await store.counts().isEmpty)
    }
  }

  @Test("A running task's cancellation is asked for; a waiting one is put aside; an unknown id is an error")
  func cancel() async throws {
    try await withStore { store in
      let id = try await store.add("x").id
      let claim = try await store.claimAll()[0].claim
      #expect(try await store.cancel(id) == .requested)
      #expect(try await store.renew([claim], lease: .seconds(60)) == [.cancelRequested])
      #expect(try await store.settle(claim, .release))
      #expect(try await store.deadLetters(.all, after: nil, limit: 9).map(\.reason) == [.cancelled])
      #expect(try await store.cancel(id) == .alreadyFinished)
      #expect(try await store.cancel(store.add("y").id) == .cancelled)
      for unknown in [0, -1, 999] as [Int64] {
        let error = await #expect(throws: TaskQueueError.self) { try await store.cancel(TaskID(unknown)) }
        #expect(error?.code == .unknownTask)
      }
    }
  }

  @Test("A paused queue gives nothing until it is resumed; run-now compares the attempt")
  func pauseAndRunNow() async throws {
    try await withStore { store in
      let id = try await store.add("x") { $0.schedule = .after(.seconds(900)) }.id
      #expect(try await !store.runNow(id, expectedAttempt: 1))
      #expect(try await store.runNow(id, expectedAttempt: 0))
      try await store.pause(.default)
      try await store.pause(.default)
      #expect(try await store.pausedQueues() == [.default])
      #expect(try await store.claimAll().isEmpty)
      try await store.resume(.default)
      #expect(try await store.claimAll().count == 1)
      #expect(try await !store.runNow(id, expectedAttempt: 1))
    }
  }

  @Test("Renewing does not wait for a task that its handler's transaction has locked")
  func renewPassesLocks() async throws {
    try await withStore { store in
      _ = try await store.add("x")
      _ = try await store.add("y")
      let claims = try await store.claimAll().map(\.claim)
      let client = TaskClient(store: store)
      try await client.withTransaction { transaction in
        try await client.complete(claims[0], in: transaction)
        let renewals = try await store.elsewhere { try await $0.renew(claims, lease: .seconds(60)) }
        #expect(renewals == [.busy, .renewed])
      }
      #expect(try await store.renew(claims, lease: .seconds(60)) == [.lost, .renewed])
    }
  }

  @Test("Without the schema the error says what to do")
  func notMigrated() async throws {
    try await withStore(schema: "elsewhere") { store in
      let error = await #expect(throws: TaskQueueError.self) { try await store.counts() }
      #expect(error?.code == .storeFailed)
      #expect(error?.message.contains("Run Migrator") == true)
    }
  }

  @Test("Watching brings a resync, then hints for tasks, delivered at commit, and for cancellations")
  func watch() async throws {
    try await withStore { store in
      let (hints, continuation) = AsyncStream<StoreHint>.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await store.watch { continuation.yield($0) } }
        var iterator = hints.makeAsyncIterator()
        #expect(await iterator.next() == .resync)
        let id = try await store.add("x") { $0.queue = "q" }.id
        #expect(await iterator.next() == .tasksAvailable("q"))
        _ = try await store.claimAll(queues: ["q"])
        _ = try await store.cancel(id)
        #expect(await iterator.next() == .cancelRequested(id))
        group.cancelAll()
        try await group.waitForAll()
      }
    }
  }
}
