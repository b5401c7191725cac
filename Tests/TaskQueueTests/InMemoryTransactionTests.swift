import Foundation
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Transactions of the in-memory store")
struct InMemoryTransactionTests {
  private struct Stop: Error {}

  private let store = InMemoryTaskStore()
  private var client: TaskClient<InMemoryTaskStore> { TaskClient(store: store) }

  private func numbers() async throws -> [Int] { try await client.enqueued(Ping.self).map(\.payload.number) }

  @Test("A rolled-back savepoint leaves nothing, and what was before and after it stays")
  func savepoint() async throws {
    let events = Journal<String>()
    try await client.withTransaction { transaction in
      try await client.enqueue(Ping(number: 1), options: .with { $0.unique = UniqueKey("a") }, in: transaction)
      transaction.onRollback { events.append("outer") }
      await #expect(throws: Stop.self) {
        try await transaction.withSavepoint {
          transaction.onRollback { events.append("inner, first") }
          transaction.onRollback { events.append("inner, second") }
          transaction.onCommit { events.append("never") }
          try await client.enqueue(Ping(number: 2), options: .with { $0.unique = UniqueKey("b") }, in: transaction)
          throw Stop()
        }
      }
      try await client.enqueue(Ping(number: 3), options: .with { $0.unique = UniqueKey("b") }, in: transaction)
      transaction.onCommit { events.append("committed") }
    }
    #expect(try await numbers() == [1, 3])
    #expect(events.entries == ["inner, second", "inner, first", "committed"])
  }

  @Test("S15 Headers over the limit are refused by the inbox, too")
  func inboxHeaders() async throws {
    var check = try client.newTask(Ping(), options: .with { $0.unique = UniqueKey("k", mode: .coalesce) })
    check.headers["long"] = String(repeating: "x", count: Limits.headerBytes)
    let error = await #expect(throws: TaskQueueError.self) {
      try await CallbackInbox(store: store).receive(CallbackEvent(source: "s", id: "1"), wake: check)
    }
    #expect(error?.code == .payloadTooLarge)
  }

  @Test("To settle as settled is refused: nothing would be recorded")
  func settledAsSettled() async throws {
    var handlers = TaskHandlers()
    try handlers.register(Ping.self) { [client] _, context in
      try await client.withTransaction { try await client.settle(context, .settledInTransaction, in: $0) }
      return .settledInTransaction
    }
    let attempt = try await TaskTester(store: store, handlers: handlers).run(Ping())
    #expect((attempt.error as? TaskQueueError)?.code == .invalidOption)
    #expect(attempt.failures == 1 && attempt.task?.state == .waiting)
  }

  @Test("What an app does in memory takes part by onRollback")
  func hooks() async throws {
    let orders = Orders()
    await #expect(throws: Stop.self) {
      try await client.withTransaction { transaction in
        orders.insert(7)
        transaction.onRollback { orders.remove(7) }
        transaction.onCommit { Issue.record("it was rolled back") }
        try await client.enqueue(Ping(), in: transaction)
        throw Stop()
      }
    }
    #expect(orders.isEmpty)
    #expect(try await numbers().isEmpty)
  }

  @Test("Concurrent transactions run one after another, and each sees what the ones before did")
  func serial() async throws {
    let turns = Journal<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<50 {
        group.addTask {
          try await client.withTransaction { transaction in
            turns.append(number)
            await Task.yield()
            try await client.enqueue(
              Ping(number: number),
              options: .with { $0.unique = UniqueKey("\(number % 5)") },
              in: transaction
            )
            await Task.yield()
            turns.append(number)
          }
        }
      }
      try await group.waitForAll()
    }
    let order = turns.entries
    #expect(order.count == 100)
    for index in stride(from: 0, to: 100, by: 2) { #expect(order[index] == order[index + 1]) }
    #expect(try await numbers().count == 5)
  }

  @Test("A transaction within a transaction, or a call that would wait for it, is an error that says what to do")
  func nested() async throws {
    let other = InMemoryTaskStore()
    let id = try await client.enqueue(Ping(number: 1), options: .with { $0.unique = UniqueKey("k") }).id
    try await client.withTransaction { transaction in
      let replacing = EnqueueOptions.with { $0.unique = UniqueKey("k", mode: .replace) }
      try await client.enqueue(Ping(number: 2), options: replacing, in: transaction)
      let calls: [@Sendable () async throws -> Void] = [
        { try await client.withTransaction { _ in } }, { try await client.enqueue(Ping(), options: replacing) },
        { try await client.cancel(id) }, { _ = try await client.runNow(id, expectedAttempt: 0) },
        {
          async let result = client.cancel(id)
          _ = try await result
        },
      ]
      for call in calls {
        let error = await #expect(throws: TaskQueueError.self) { try await call() }
        #expect(error?.code == .storeFailed)
        #expect(error?.message.contains("in: transaction") == true)
      }
      // What needs nothing of it goes on.
      try await client.enqueue(Ping(number: 3))
      try await TaskClient(store: other).withTransaction { inner in
        try await TaskClient(store: other).enqueue(Ping(), in: inner)
        let error = await #expect(throws: TaskQueueError.self) { try await client.enqueue(Ping(), in: inner) }
        #expect(error?.code == .storeFailed)
      }
    }
    #expect(try await numbers() == [2, 3])
  }

  @Test("A call from elsewhere that needs what is locked waits for the transaction's end")
  func waiting() async throws {
    let id = try await client.enqueue(Ping(number: 1), options: .with { $0.unique = UniqueKey("k") }).id
    let (isOpen, opened) = AsyncStream<Void>.makeStream()
    let (mayEnd, end) = AsyncStream<Void>.makeStream()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await client.withTransaction { transaction in
          let options = EnqueueOptions.with { $0.unique = UniqueKey("k", mode: .replace) }
          try await client.enqueue(Ping(number: 2), options: options, in: transaction)
          opened.yield()
          for await _ in mayEnd { break }
        }
      }
      for await _ in isOpen { break }
      let cancelled = Journal<CancelResult>()
      group.addTask {
        cancelled.append(try await client.cancel(id))
      }
      for _ in 0..<100 { await Task.yield() }
      #expect(cancelled.entries.isEmpty)
      #expect(try await numbers() == [1])
      end.yield()
      try await group.waitForAll()
    }
    let letter = try #require(try await client.deadLetters().first)
    #expect(String(decoding: letter.payload, as: UTF8.self) == #"{"number":2}"#)
  }

  @Test("Who waits for a transaction and is cancelled stops waiting, and others have their turn")
  func cancelled() async throws {
    let (isOpen, opened) = AsyncStream<Void>.makeStream()
    let (mayEnd, end) = AsyncStream<Void>.makeStream()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await client.withTransaction { _ in
          opened.yield()
          for await _ in mayEnd { break }
        }
      }
      for await _ in isOpen { break }
      let error = await withTaskGroup(of: (any Error)?.self) { waiters in
        waiters.addTask {
          do { try await client.withTransaction { _ in } } catch { return error }
          return nil
        }
        waiters.cancelAll()
        return await waiters.next() ?? nil
      }
      #expect((error as? TaskQueueError)?.code == .storeFailed)
      #expect((error as? TaskQueueError)?.isRetrySafe == true)
      end.yield()
      try await group.waitForAll()
    }
    _ = try await client.withTransaction { try await client.enqueue(Ping(number: 9), in: $0) }
    #expect(try await numbers() == [9])
  }

  @Test("A transaction that has ended does nothing any more")
  func ended() async throws {
    let escaped = try await client.withTransaction { $0 }
    let error = await #expect(throws: TaskQueueError.self) { try await client.enqueue(Ping(), in: escaped) }
    #expect(error?.code == .storeFailed)
    #expect(try await numbers().isEmpty)
  }

  @Test("Workers and transactions together lose nothing and do nothing twice")
  func besideWorkers() async throws {
    let done = Journal<Int>()
    let count = 500
    try await withWorker(store, quickConfiguration { $0.concurrency = 20 }) { handlers in
      try handlers.register(Ping.self) { ping, context in
        guard ping.number < count else {
          done.append(ping.number)
          return .completed
        }
        // A third of the first attempts fail after all their work.
        let fails = ping.number.isMultiple(of: 3) && context.attempt == 1
        do {
          try await client.withCompletion(of: context) { transaction in
            try await client.enqueue(Ping(number: ping.number + count), in: transaction)
            await Task.yield()
            if fails { throw Stop() }
          }
        } catch is Stop { return .again(after: .zero) }
        return .settledInTransaction
      }
    } _: { _ in
      try await client.enqueue(all: (0..<count).map { Ping(number: $0) })
      try await eventually("all are done") { done.entries.count >= count }
      try await eventually("nothing is left") { try await client.counts().isEmpty }
    }
    #expect(done.entries.sorted() == (count..<2 * count).map { $0 })
  }
}
