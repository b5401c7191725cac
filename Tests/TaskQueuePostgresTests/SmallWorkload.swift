import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import Testing

/// A bit of everything that apps and workers ask of a store, several callers at once.
struct SmallWorkload {
  let store: PostgresTaskStore
  private var client: TaskClient<PostgresTaskStore> { TaskClient(store: store) }

  func run() async throws {
    try await enqueue()
    try await control()
    try await settle()
    try await receiveCallbacks()
    let (group, kept) = try await group()
    try await work()
    #expect(try await client.progress(of: group)?.completed == 3)
    #expect(try await store.ending(of: kept) == .completed(nil))
    #expect(try await !client.throughput(of: .seconds(600)).isEmpty)
    _ = try await store.keepHistory(within: .seconds(60))
    _ = try await store.keepGroups(within: .seconds(60))
  }

  /// A group with a callback, and a task that is to be kept, both for the workers.
  private func group() async throws -> (GroupID, TaskID) {
    let members = try (1...3).map { try client.newTask(Note(text: "member \($0)")) }
    let group = try await client.enqueueGroup(members, atMost: 2, then: client.newTask(Note(text: "callback")))
    return (group, try await store.add("kept") { $0.retain = .seconds(600) }.id)
  }

  func enqueue() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask { _ = try await store.add("single \(number)") }
        group.addTask {
          let mode: UniqueKey.Mode = [.keepExisting, .replace, .coalesce][number % 3]
          _ = try await store.add("unique \(number)") { $0.unique = UniqueKey("key \(number % 4)", mode: mode) }
        }
      }
      try await group.waitForAll()
    }
    try await client.enqueue(all: (0..<20).map { Note(text: "bulk \($0)") })
    let copied = try await client.enqueue(all: (0..<600).map { Note(text: "copied \($0)") })
    #expect(copied.count == 600 && copied.allSatisfy(\.isNew))
    let row = try await store.pool.query("SELECT taskqueue.enqueue('note', '{\"text\": \"sql é\"}', delay => '1 ms')")[
      0
    ]
    #expect(try row.int8(0) > 0)
  }

  private func control() async throws {
    let last = try await store.add("double").id
    _ = try await client.enqueue([
      NewTask(Note(text: "double"), options: .with { $0.schedule = .after(.seconds(60)) })
    ])
    let newest = try await store.add("newest").id
    #expect(
      try await store.deleteDuplicates(.init(olderThan: newest, type: "note", property: "text", value: "double")) == 2
    )
    #expect(last < newest)
    #expect(try await client.cancel(newest) == .cancelled)
    #expect(try await client.redrive(.init(ids: [newest])) == [newest])
    #expect(try await client.runNow(newest, expectedAttempt: 0))
    #expect(try await client.task(newest)?.attempt == 0)
    #expect(try await client.counts().isEmpty == false)
  }

  /// Two who claim and settle at once meet each other's rows.
  private func settle() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<5 {
            let tasks = try await store.claimAll(5)
            _ = try await store.renew(tasks.map(\.claim), lease: .seconds(60))
            let actions: [Settlement.Action] = [
              .complete, .release, .fail(.sample, retryAfter: .zero), .bury(.failed, detail: nil, .sample),
              .reschedule(after: .milliseconds(1), returnsAttempt: false),
            ]
            var outcomes = zip(tasks, actions).map { Settlement($0.claim, $1) }
            while !outcomes.isEmpty {
              let settled = try await store.exchange(settle: outcomes, claim: nil).settled
              #expect(!settled.contains(.lost))
              // Another claim may have looked at the row just now.
              outcomes = zip(outcomes, settled).filter { $0.1 == .busy }.map(\.0)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await client.redrive(.all).isEmpty == false)
    #expect(try await client.purge(.all) == 0)
  }

  private func receiveCallbacks() async throws {
    let inbox = CallbackInbox(store: store)
    let wake = try NewTask(Note(text: "called"), options: .with { $0.unique = UniqueKey("c", mode: .coalesce) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<12 {
        group.addTask { try await inbox.receive(.init(source: "s", id: "\(number % 6)"), wake: wake) }
        group.addTask {
          try await inbox.receive(.init(source: "s", id: "e \(number % 6)", subject: "pi_1")) { _ in nil }
        }
      }
      try await group.waitForAll()
    }
    let events = try await store.pool.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
      try await inbox.claimEvents(source: "s", subject: "pi_1", in: transaction)
    }
    #expect(events.count == 6)
    #expect(try await inbox.purgeExpired() == 0)
  }

  /// Two workers, whose handlers have an effect and then complete alone or in a transaction.
  private func work() async throws {
    let failures = Mutex<[String]>([])
    var handlers = TaskHandlers()
    try handlers.register(Note.self, options: .init(retry: .fixed(.milliseconds(10)))) { [store] note, context in
      do {
        let result = try await context.effects.perform("charge", request: note) { _ in 7 }
        #expect(result == 7)
        guard context.id.rawValue % 2 == 0 else { return .completed }
        try await store.pool.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
          try await TaskClient(store: store).complete(context, in: transaction)
        }
        return .settledInTransaction
      } catch {
        failures.withLock { $0.append("\(error)") }
        throw error
      }
    }
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = 4
    configuration.maxPollInterval = .milliseconds(50)
    let workers = try (0..<2).map { _ in
      try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: .silent)
    }
    try await TaskQueuePostgresTests.run(workers[0]) {
      try await TaskQueuePostgresTests.run(workers[1]) {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !client.counts().isEmpty, ContinuousClock.now < deadline {
          try await Task.sleep(for: .milliseconds(20))
        }
      }
    }
    #expect(try await client.counts().isEmpty)
    #expect(failures.withLock { $0 } == [])
    #expect(try await client.purgeEffects(olderThan: .zero) > 0)
  }
}
