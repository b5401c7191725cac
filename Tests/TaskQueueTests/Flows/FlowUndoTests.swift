import Foundation
import Synchronization
@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Flows: compensation")
struct FlowUndoTests {
  /// A flow with two compensations that ends as it is told.
  private func saga(
    _ log: Journal<String>,
    failingUndo: Int = 0,
    _ end: @escaping @Sendable (TaskContext) async throws -> TaskOutcome
  ) throws -> (tester: TaskTester<InMemoryTaskStore>, time: ManualTime) {
    let left = Atomic<Int>(failingUndo)
    return try TaskTester.flow(.init(retry: .fixed(.seconds(10)), maxAttempts: 2)) { _, context in
      try await context.step("flight") { log.append("flight") }
      try await context.onFailure("flight") { log.append("undo flight") }
      try await context.step("hotel") { log.append("hotel") }
      try await context.onFailure("hotel") {
        if left.wrappingSubtract(1, ordering: .relaxed).newValue >= 0 { throw Down() }
        log.append("undo hotel")
      }
      let outcome = try await end(context)
      try await context.onFailure("never") { log.append("undo never") }
      return outcome
    }
  }

  private static let undone = ["flight", "hotel", "undo hotel", "undo flight"]

  @Test("A flow that fails for the last time is undone in reverse order, and is a dead letter then")
  func undoneAfterFailure() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log) { context in
      try await context.step("pay") { throw Down() }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let attempts = try await tester.drain(within: .seconds(100))
    #expect(attempts.count == 3)
    #expect(log.entries == Self.undone)
    let letter = try #require(try await tester.client.deadLetters(.init(ids: [id])).first)
    #expect(letter.reason == .failed)
    #expect(letter.errors.count == 2)
    // Redriven, it begins anew.
    try await tester.client.redrive(.init(ids: [id]))
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == Self.undone + Self.undone)
  }

  @Test("A discarded flow is undone; a compensation that fails is tried again, and none runs twice")
  func undoneAfterDiscard() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log, failingUndo: 1) { context in
      try await context.step("nothing more") { log.append("nothing more") }
      throw Discarded()
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == ["flight", "hotel", "nothing more", "undo hotel", "undo flight"])
    let letter = try #require(try await tester.client.deadLetters(.init(ids: [id])).first)
    #expect(letter.reason == .discarded && letter.detail == "no seats")
  }

  private struct Discarded: TaskOutcomeError {
    var taskOutcome: TaskOutcome? { .discard(reason: "no seats") }
  }

  @Test("A compensation that never succeeds ends as a dead letter, and redriven goes on with what is left")
  func undoneInPart() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log, failingUndo: 2) { _ in throw Discarded() }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(100))
    let letter = try #require(try await tester.client.deadLetters(.init(ids: [id])).first)
    #expect(letter.reason == .failed)
    #expect(log.entries == ["flight", "hotel"])
    try await tester.client.redrive(.init(ids: [id]))
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == Self.undone)
  }

  @Test("A flow that is cancelled while it waits is undone; so is one whose deadline passed")
  func undoneWhileWaiting() async throws {
    let log = Journal<String>()
    let (tester, time) = try saga(log) { context in
      let _: Int = try await context.event("paid")
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    #expect(try await tester.run(id).isSuspended)
    #expect(try await tester.client.cancel(id) == .requested)
    #expect(try await tester.client.cancel(id) == .requested)
    _ = try await tester.drain()
    #expect(log.entries == Self.undone)
    #expect(try await tester.client.deadLetters(.init(ids: [id])).first?.reason == .cancelled)
    let late = try await tester.client.enqueue(Ping(), options: .with { $0.deadline = time.now.addingTimeInterval(50) })
      .id
    #expect(try await tester.run(late).isSuspended)
    time.advance(by: .seconds(60))
    _ = try await tester.client.emit("paid", 1)
    _ = try await tester.drain()
    #expect(try await tester.client.deadLetters(.init(ids: [late])).first?.reason == .expired)
    #expect(log.entries == Self.undone + Self.undone)
  }

  @Test(
    "A flow that comes to nothing undoes itself, goes on with what is left after a failure, and leaves no dead letter"
  )
  func undoesItself() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log, failingUndo: 1) { context in
      try await context.undo()
      try await context.step("told") { log.append("told") }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let attempts = try await tester.drain(within: .seconds(100))
    #expect(attempts.count == 2)
    #expect(log.entries == Self.undone + ["told"])
    #expect(try await tester.client.deadLetters(.init(ids: [id])).isEmpty)
    #expect(try await tester.client.steps(of: id).isEmpty)
  }

  @Test("What a flow has undone itself is not undone again if it fails afterwards")
  func undoneOnce() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log) { context in
      try await context.undo()
      throw Discarded()
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == Self.undone)
    #expect(try await tester.client.deadLetters(.init(ids: [id])).first?.reason == .discarded)
  }

  @Test("An effect that was not made before is not made while a flow is undone")
  func noNewEffect() async throws {
    let log = Journal<String>()
    let (tester, _) = try TaskTester.flow { _, context in
      try await context.onFailure("a") { log.append("undo a") }
      if log.entries.isEmpty, try await context.step("gate", timeout: nil, { false }) == false {
        log.append("discarded")
        return .discard(reason: "no")
      }
      _ = try await context.effects.perform("charge", request: 1) { _ in
        log.append("charged")
        return 1
      }
      return .completed
    }
    _ = try await tester.drain(of: Ping(), count: 2)
    #expect(log.entries == ["discarded", "undo a"])
  }

  @Test("A wait that ended without its event fails for good if nobody catches that, and is undone")
  func uncaughtTimeout() async throws {
    let log = Journal<String>()
    let (tester, time) = try TaskTester.flow { _, context in
      try await context.onFailure("a") { log.append("undo a") }
      _ = try await context.event("never", as: Int.self, timeout: .seconds(10))
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain()
    time.advance(by: .seconds(11))
    _ = try await tester.drain()
    #expect(log.entries == ["undo a"])
    #expect(try await tester.client.deadLetters().map(\.id) == [id])
  }

  @Test("A flow that waits for ever is undone when its deadline passes")
  func deadlineWhileWaiting() async throws {
    let log = Journal<String>()
    let (tester, time) = try TaskTester.flow { _, context in
      try await context.onFailure("a") { log.append("undo a") }
      _ = try await context.event("never", as: Int.self)
      return .completed
    }
    let deadline = time.now.addingTimeInterval(100)
    _ = try await tester.client.enqueue(Ping(), options: .with { $0.deadline = deadline })
    _ = try await tester.drain()
    time.advance(by: .seconds(101))
    _ = try await tester.drain()
    #expect(log.entries == ["undo a"])
    #expect(try await tester.client.deadLetters().map(\.reason) == [.expired])
  }
}
