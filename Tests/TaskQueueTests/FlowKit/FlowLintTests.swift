import Foundation
import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("FlowLint tells which live flows would break under new code")
struct FlowLintTests {
  private typealias Handle = @Sendable (Ping, TaskContext) async throws -> TaskOutcome

  private static func handlers(_ handle: @escaping Handle) throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, handle)
    return handlers
  }

  /// What is stored of a flow that the old code has begun and that waits now, through JSON and back.
  private static func record(_ old: @escaping Handle) async throws -> [FlowRecording] {
    let time = ManualTime()
    let tester = TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: try handlers(old), time: time)
    _ = try await tester.client.enqueue(Ping(number: 7))
    _ = try await tester.drain()
    let export = try await tester.client.exportFlows(of: Ping.taskType)
    #expect(export.next == nil && export.flows.count == 1)
    return try JSONDecoder().decode([FlowRecording].self, from: JSONEncoder().encode(export.flows))
  }

  private func lint(_ flows: [FlowRecording], _ new: @escaping Handle) async throws -> [FlowLintFinding] {
    try await FlowLint(try Self.handlers(new)).check(flows)
  }

  /// The code that flows have begun with.
  @Sendable private static func old(_ ping: Ping, _ context: TaskContext) async throws -> TaskOutcome {
    let account = try await context.step("open", input: ping.number) { 42 }
    try await context.onFailure("close") {}
    try await context.sleep("first", for: .zero)
    _ = try await context.effects.perform("charge", request: account) { _ in "receipt" }
    try await context.step("book") {}
    _ = try await context.event("card", as: Int.self, timeout: .seconds(600))
    try await context.step("bill") {}
    return .completed
  }

  @Test("The code that wrote it finds nothing, and no body of a step is run")
  func unchanged() async throws {
    let flows = try await Self.record(Self.old)
    #expect(flows[0].steps.map(\.name) == ["open", "~on/close", "first", "book", "~event/card"])
    #expect(flows[0].effects.map(\.value) == ["\"receipt\""])
    #expect(try await lint(flows, Self.old).isEmpty)
    let calls = Journal<String>()
    let findings = try await lint(flows) { ping, context in
      let account = try await context.step("open", input: ping.number) {
        calls.append("open")
        return 0
      }
      try await context.onFailure("close") { calls.append("close") }
      try await context.sleep("first", for: .zero)
      let receipt = try await context.effects.perform("charge", request: account) { _ in
        calls.append("charge")
        return "another"
      }
      #expect(receipt == "receipt")
      try await context.step("book") { calls.append("book") }
      _ = try await context.event("card", as: Int.self, timeout: .seconds(600))
      try await context.step("new") { calls.append("new") }
      return .completed
    }
    #expect(findings.isEmpty && calls.entries.isEmpty)
  }

  @Test("A recorded step that the new code does not come to")
  func removed() async throws {
    let flows = try await Self.record(Self.old)
    let findings = try await lint(flows) { ping, context in
      _ = try await context.step("open", input: ping.number) { 42 }
      return .completed
    }
    #expect(findings.map(\.kind) == [.stepNotReached])
    #expect(findings[0].step == "~on/close" && findings[0].task == flows[0].task)
    #expect(findings[0].description.contains("compensation \"close\" is recorded"))
  }

  @Test("A new step before what is recorded, and a renamed one; asked for by version it is none")
  func added() async throws {
    let flows = try await Self.record { _, context in
      try await context.step("a") {}
      try await context.step("b") {}
      try await context.sleep("nap", for: .seconds(100))
      return .completed
    }
    let added = try await lint(flows) { _, context in
      try await context.step("a") {}
      try await context.step("check") {}
      try await context.step("b") {}
      try await context.sleep("nap", for: .seconds(100))
      return .completed
    }
    #expect(added.map(\.kind) == [.runsBeforeRecorded] && added[0].step == "check")
    let swallowed = try await lint(flows) { _, context in
      try? await context.step("check") {}
      try await context.step("a") {}
      try await context.step("b") {}
      try await context.sleep("nap", for: .seconds(100))
      return .completed
    }
    #expect(swallowed.map(\.kind) == [.runsBeforeRecorded] && swallowed[0].step == "check")
    let versioned = try await lint(flows) { _, context in
      try await context.step("a") {}
      if try await context.version("check") { try await context.step("check") {} }
      try await context.step("b") {}
      try await context.sleep("nap", for: .seconds(100))
      if try await context.version("later") { try await context.step("later") {} }
      return .completed
    }
    #expect(versioned.isEmpty)
    let beside = try await lint(flows) { _, context in
      async let check: Void = context.step("check") {}
      async let a: Void = context.step("a") {}
      async let b: Void = context.step("b") {}
      async let nap: Void = context.sleep("nap", for: .seconds(100))
      _ = try await (check, a, b, nap)
      return .completed
    }
    #expect(beside.isEmpty)
  }

  @Test("A changed input, a step that became a wait, and a value of another type")
  func changed() async throws {
    let flows = try await Self.record { _, context in
      _ = try await context.step("a", input: 1) { 42 }
      try await context.sleep("nap", for: .seconds(100))
      return .completed
    }
    let input = try await lint(flows) { _, context in
      _ = try await context.step("a", input: 2) { 42 }
      return .completed
    }
    #expect(input.map(\.kind) == [.inputChanged] && input[0].step == "a")
    let kind = try await lint(flows) { _, context in
      try await context.sleep("a", for: .seconds(1))
      return .completed
    }
    #expect(kind.map(\.kind) == [.inputChanged])
    let value = try await lint(flows) { _, context in
      let text: String = try await context.step("a", input: 1) { "42" }
      return .discard(reason: text)
    }
    #expect(value.map(\.kind) == [.valueUnreadable] && value[0].step == "a")
  }

  @Test("A payload of another type, a type without a handler, a handler that throws, and a recording that is cut off")
  func others() async throws {
    struct Strict: Codable, Sendable {
      var amount: Int
    }
    let flows = try await Self.record(Self.old)
    var handlers = TaskHandlers()
    try handlers.register(Ping.taskType, as: Strict.self) { _, _ in .completed }
    #expect(try await FlowLint(handlers).check(flows).map(\.kind) == [.payloadUnreadable])
    #expect(try await FlowLint(TaskHandlers()).check(flows).map(\.kind) == [.payloadUnreadable])
    let failed = try await lint(flows) { _, _ in throw HandlerFailure() }
    #expect(failed.map(\.kind) == [.handlerFailed])
    var cut = flows
    cut[0].isCutOff = true
    #expect(try await lint(cut, Self.old).map(\.kind) == [.notChecked])
  }

  @Test("A flow that is being undone is checked, and no compensation is run")
  func undone() async throws {
    let time = ManualTime()
    let old = try Self.handlers { _, context in
      try await context.onFailure("close") { throw HandlerFailure() }
      try await context.step("open") {}
      return .discard(reason: "not wanted")
    }
    let tester = TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: old, time: time)
    _ = try await tester.run(Ping())
    let flows = try await tester.client.exportFlows(of: Ping.taskType).flows
    #expect(flows[0].steps.contains { $0.kind == "unwind" })
    let calls = Journal<String>()
    let findings = try await lint(flows) { _, context in
      try await context.onFailure("close") { calls.append("close") }
      try await context.step("open") {}
      try await context.step("more") { calls.append("more") }
      return .completed
    }
    #expect(findings.isEmpty && calls.entries.isEmpty)
    let missing = try await lint(flows) { _, context in
      try await context.step("open") {}
      return .completed
    }
    #expect(missing.map(\.kind) == [.stepNotReached] && missing[0].step == "~on/close")
  }

  @Test("Flows are exported page by page; other types, and tasks that have not begun, are left out")
  func export() async throws {
    let store = InMemoryTaskStore()
    var handlers = TaskHandlers()
    try handlers.register(Ping.self) { _, context in
      try await context.sleep("nap", for: .seconds(1_000))
      return .completed
    }
    let tester = TaskTester(store: store, handlers: handlers)
    for number in 0..<7 {
      _ = try await tester.run(Ping(number: number))
      _ = try await tester.client.enqueue(Pong())
    }
    let waiting = try await tester.client.enqueue(Ping(number: 8)).id
    var flows: [FlowRecording] = []
    var next: TaskID?
    repeat {
      let page = try await tester.client.exportFlows(of: Ping.taskType, after: next, limit: 3)
      #expect(page.flows.count <= 3)
      flows += page.flows
      next = page.next
    } while next != nil
    #expect(flows.count == 7 && Set(flows.map(\.task)).count == 7)
    #expect(!flows.contains { $0.task == waiting })
    #expect(try await tester.client.exportFlows(of: Pong.taskType).flows.isEmpty)
  }
}
