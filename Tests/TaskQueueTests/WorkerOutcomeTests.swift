import Foundation
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("The worker records how attempts end")
struct WorkerOutcomeTests {
  @Test("A completed task is gone, and its handler saw its typed payload, headers and attempt")
  func completes() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let seen = Journal<(Int, [String: String], Int)>()
    let id = try await client.enqueue(Ping(number: 42), options: .with { $0.headers = ["traceparent": "00-ab"] }).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { ping, context in
        seen.append((ping.number, context.headers, context.attempt))
        return .completed
      }
    } _: { _ in
      try await eventually("the task is gone") { try await store.task(id) == nil }
    }
    #expect(seen.entries.count == 1)
    #expect(seen.entries[0] == (42, ["traceparent": "00-ab"], 1))
  }

  @Test("S3 A task that asks to be looked at again runs at 0, 1, 3, 7 and 15 minutes")
  func againOnSchedule() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let start = time.now
    let runs = Journal<Double>()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, context in
        runs.append((context.task.claimedAt.timeIntervalSince(start) / 60).rounded())
        return context.attempt < 5 ? .again : .completed
      }
    } _: { _ in
      for attempt in 1...4 {
        try await eventually("attempt \(attempt) is recorded") {
          guard let task = try await store.task(id) else { return false }
          return task.attempt == attempt && task.state == .waiting
        }
        let wait = try #require(try await store.task(id)).dueAt.timeIntervalSince(time.now)
        #expect(abs(wait - 60 * pow(2, Double(attempt - 1))) < 0.001)
        time.advance(by: .seconds(wait))
      }
      try await eventually("the task is gone") { try await store.task(id) == nil }
    }
    #expect(runs.entries == [0, 1, 3, 7, 15])
  }

  @Test("S6 Snooze costs no attempt and comes back after its time")
  func snoozes() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let attempts = Journal<Int>()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, context in
        attempts.append(context.attempt)
        return attempts.entries.count < 3 ? .snooze(.seconds(10)) : .completed
      }
    } _: { _ in
      for run in 1...2 {
        try await eventually("snooze \(run) is recorded") {
          try await store.task(id)?.state == .waiting && attempts.entries.count == run
        }
        time.advance(by: .seconds(10))
      }
      try await eventually("the task is gone") { try await store.task(id) == nil }
    }
    #expect(attempts.entries == [1, 1, 1])
  }

  @Test("S6 Again after a given time waits exactly that long and is not a failure")
  func retriesAfter() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in .again(after: .seconds(90)) }
    } _: { _ in
      try await eventually("it is rescheduled") { try await store.task(id)?.state == .waiting }
    }
    let task = try #require(try await store.task(id))
    #expect(task.dueAt.timeIntervalSince(time.now) == 90)
    #expect((task.attempt, task.failures) == (1, 0))
  }

  @Test("S35 A handler that cancels the task it runs in cancels no other attempt", arguments: [true, false])
  func cancelsItself(throwing: Bool) async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let cancelled = Journal<Int>()
    try await client.enqueue(all: (0..<50).map { Ping(number: $0) })
    try await withWorker(store, quickConfiguration { $0.concurrency = 1 }) { handlers in
      try handlers.register(Ping.self) { ping, _ in
        if Task.isCancelled { cancelled.append(ping.number) }
        guard ping.number == 3 else { return .completed }
        withUnsafeCurrentTask { $0?.cancel() }
        if throwing { throw HandlerFailure() }
        return .completed
      }
    } _: { _ in
      try await eventually("all but one are done") { try await store.counts().allSatisfy { $0.state == .waiting } }
    }
    #expect(cancelled.entries == [])
    #expect(try await store.counts().count == (throwing ? 1 : 0))
  }

  @Test("S6 Discard makes a dead letter with its reason")
  func discards() async throws {
    let store = InMemoryTaskStore()
    try await TaskClient(store: store).enqueue(Ping(number: 7))
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in .discard(reason: "card was stolen") }
    } _: { _ in
      try await eventually("there is a dead letter") {
        try await store.deadLetters(.all, after: nil, limit: 1).count == 1
      }
    }
    let letter = try #require(try await store.deadLetters(.all, after: nil, limit: 1).first)
    #expect(letter.reason == .discarded)
    #expect(letter.detail == "card was stolen")
    #expect(String(decoding: letter.payload, as: UTF8.self) == #"{"number":7}"#)
  }

  @Test("S6 Errors are recorded, retried by policy, and end as a dead letter with their history")
  func failsUntilDead() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(
        Ping.self,
        options: .init(retry: .fixed(.seconds(5)), maxAttempts: 3)
      ) { _, _ in throw HandlerFailure() }
    } _: { _ in
      for failures in 1...2 {
        try await eventually("failure \(failures) is recorded") { try await store.task(id)?.failures == failures }
        time.advance(by: .seconds(5))
      }
      try await eventually("it is dead") { try await store.deadLetters(.all, after: nil, limit: 1).count == 1 }
    }
    let letter = try #require(try await store.deadLetters(.all, after: nil, limit: 1).first)
    #expect(letter.reason == .failed)
    #expect(letter.errors.map(\.message) == Array(repeating: "the provider is down", count: 3))
    #expect(letter.errors.map(\.attempt) == [1, 2, 3])
    #expect(letter.errors[0].errorType.hasSuffix("HandlerFailure"))
  }

  @Test("S7 A task that keeps killing its worker is put aside; crashes do not eat its failure budget")
  func crashesAreBounded() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let id = try await TaskClient(store: store).enqueue(Ping(), options: .with { $0.maxAttempts = 1 }).id
    let request = ClaimRequest(
      queues: [.default],
      types: [Ping.taskType],
      limit: 1,
      lease: .seconds(60),
      promotesDue: true
    )
    for _ in 1...3 {
      // A worker that claims and dies.
      #expect(try await store.exchange(settle: [], claim: request).claimed.count == 1)
      time.advance(by: .seconds(61))
    }
    try await withWorker(store, quickConfiguration { $0.maxCrashes = 2 }) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { _ in
      try await eventually("it is dead") { try await store.deadLetters(.all, after: nil, limit: 1).count == 1 }
    }
    let letter = try #require(try await store.deadLetters(.all, after: nil, limit: 1).first)
    #expect(letter.id == id)
    #expect(letter.reason == .crashed)
    #expect((letter.crashes, letter.failures) == (3, 0))
  }

  @Test("S9 An undecodable payload backs off and ends as a dead letter with the decoding error; the queue goes on")
  func undecodable() async throws {
    let store = InMemoryTaskStore()
    let bad = try NewTask(type: Ping.taskType, json: Data(#"{"number":"many"}"#.utf8))
    let client = TaskClient(store: store)
    _ = try await store.enqueue([bad])
    let good = try await client.enqueue(Ping(number: 1)).id
    let runs = Journal<Int>()
    try await withWorker(store) { handlers in
      try handlers.register(
        Ping.self,
        options: .init(retry: .fixed(.milliseconds(1)), maxAttempts: 3)
      ) { ping, _ in
        runs.append(ping.number)
        return .completed
      }
    } _: { _ in
      try await eventually("the good one is done") { try await store.task(good) == nil }
      try await eventually("the bad one is dead") {
        try await store.deadLetters(.all, after: nil, limit: 1).count == 1
      }
    }
    let letter = try #require(try await store.deadLetters(.all, after: nil, limit: 1).first)
    #expect(letter.reason == .undecodable)
    #expect(letter.errors.count == 3)
    #expect(letter.errors.allSatisfy { $0.message.contains("number") })
    #expect(runs.entries == [1])
  }

  @Test("S13 A task past its deadline is not started but becomes a dead letter")
  func deadline() async throws {
    let store = InMemoryTaskStore()
    let runs = Journal<Int>()
    try await TaskClient(store: store).enqueue(
      Ping(),
      options: .with { $0.deadline = Date(timeIntervalSinceNow: -1) }
    )
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { ping, _ in
        runs.append(ping.number)
        return .completed
      }
    } _: { _ in
      try await eventually("it is dead") { try await store.deadLetters(.all, after: nil, limit: 1).count == 1 }
    }
    #expect(try await store.deadLetters(.all, after: nil, limit: 1)[0].reason == .expired)
    #expect(runs.entries.isEmpty)
  }

  @Test("S13 A task's own retry policy and attempts go before its handler's")
  func ownPolicy() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let id = try await TaskClient(store: store).enqueue(
      Ping(),
      options: .with {
        $0.retry = .fixed(.seconds(7))
        $0.maxAttempts = 2
      }
    ).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in throw HandlerFailure() }
    } _: { _ in
      try await eventually("it failed") { try await store.task(id)?.failures == 1 }
      #expect(try await store.task(id)?.dueAt.timeIntervalSince(time.now) == 7)
      time.advance(by: .seconds(7))
      try await eventually("it is dead") { try await store.deadLetters(.all, after: nil, limit: 1).count == 1 }
    }
  }
}
