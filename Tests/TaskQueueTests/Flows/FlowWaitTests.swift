import Foundation
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Flows: sleeps and events")
struct FlowWaitTests {
  @Test("A sleep ends the attempt, costs none, and goes on after its time; what swallows it changes nothing")
  func swallowed() async throws {
    let calls = Journal<String>()
    let (tester, time) = try TaskTester.flow { _, context in
      try? await context.sleep("nap", for: .seconds(100))
      do {
        try await context.step("after") { calls.append("after") }
      } catch {
        calls.append("left")
        throw Down()
      }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let first = try await tester.run(id)
    #expect(first.isSuspended && first.error == nil && first.outcome == nil)
    #expect(first.dueIn == .seconds(100))
    #expect(first.task?.attempt == 0 && first.failures == 0)
    time.advance(by: .seconds(99))
    // Woken too early it sleeps on, no longer than it was to.
    #expect(try await tester.run(id).dueIn == .seconds(1))
    time.advance(by: .seconds(1))
    #expect(try await tester.run(id).isFinished)
    #expect(calls.entries == ["left", "left", "after"])
  }

  @Test("Waits side by side are all remembered, and a step beside them is finished and recorded first")
  func sideBySide() async throws {
    let calls = Journal<String>()
    let (tester, _) = try TaskTester.flow { _, context in
      async let event: String = context.event("k", timeout: .seconds(500))
      async let nap: Void = context.sleep("nap", for: .seconds(100))
      async let slow: Int = context.step("slow") {
        for _ in 1...20 { await Task.yield() }
        try await Task.sleep(for: .milliseconds(20))
        calls.append("slow")
        return 5
      }
      let (text, _, number) = try await (event, nap, slow)
      calls.append("\(text) \(number)")
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let first = try await tester.run(id)
    #expect(first.isSuspended)
    #expect(first.dueIn == .seconds(100))
    #expect(Set(try await tester.client.steps(of: id).map(\.name)) == ["~event/k", "nap", "slow"])
    _ = try await tester.drain(within: .seconds(200))
    #expect(calls.entries == ["slow"])
    #expect(try await tester.client.emit("k", "hello"))
    #expect(try await tester.drain().last?.isFinished == true)
    #expect(calls.entries == ["slow", "hello 5"])
  }

  @Test("Steps that the handler begins beside a wait that was swallowed do not run")
  func swallowedThenChildren() async throws {
    let calls = Journal<String>()
    let (tester, _) = try TaskTester.flow { _, context in
      let _: Int? = try? await context.event("k")
      async let one: Void = context.step("one") { calls.append("one") }
      async let two: Void = context.sleep("nap", for: .seconds(1))
      _ = try? await (one, two)
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    #expect(try await tester.run(id).isSuspended)
    #expect(calls.entries.isEmpty)
    #expect(try await tester.client.steps(of: id).map(\.name) == ["~event/k"])
  }

  @Test("An event that does not come in time throws, and stays so when it comes later")
  func timedOut() async throws {
    let codes = Journal<FlowError.Code?>()
    let (tester, _) = try TaskTester.flow { _, context in
      do {
        let _: String = try await context.event("k", timeout: .seconds(100))
      } catch let error as FlowError {
        codes.append(error.code)
        return context.failures == 0 && codes.entries.count < 2 ? .again(after: .seconds(10)) : .completed
      }
      return .discard(reason: "it came")
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(105))
    #expect(codes.entries == [.timedOut])
    try await tester.client.emit("k", "late")
    _ = try await tester.drain(within: .seconds(100))
    #expect(codes.entries == [.timedOut, .timedOut])
    #expect(try await tester.client.task(id) == nil)
  }

  @Test("An event of a transaction comes if that commits, and never if it rolls back")
  func inTransaction() async throws {
    let (tester, _) = try TaskTester.flow { _, context in
      let number = try await context.event("k", as: Int.self)
      return number == 2 ? .completed : .discard(reason: "\(number)")
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.run(id)
    try? await tester.client.withTransaction { transaction in
      try await tester.client.emit("k", 1, in: transaction)
      throw Down()
    }
    #expect(try await tester.drain().isEmpty)
    let counted = try await tester.client.withTransaction { transaction in
      [
        try await tester.client.emit("k", 2, in: transaction), try await tester.client.emit("k", 3, in: transaction),
      ]
    }
    #expect(counted == [true, false])
    #expect(try await tester.drain().last?.isFinished == true)
    #expect(try await tester.client.task(id) == nil)
  }
}
