import Foundation
import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("FlowTest passes flows that are right")
struct FlowTestTests {
  /// Steps, an effect, a sleep, an event with a timeout, a transaction, a compensation.
  private static func rightFlow(_ run: FlowTestRun, _ world: FlowTestWorld, _ context: TaskContext) async throws {
    try await context.onFailure("release") { world.set("reserved", 0) }
    let account = try await context.step("reserve", input: 7) {
      world.set("reserved", 1)
      return 42
    }
    _ = try await context.effects.perform("charge", request: account) { call in
      try await run.act("charge \(account)", key: call.key)
      return true
    } reconcile: { call in
      run.hasActed("charge \(account)", key: call.key) ? .happened(true) : .didNotHappen
    }
    try await context.sleep("trial", for: .seconds(3_600))
    do {
      let amount = try await context.event("paid/7", as: Int.self, timeout: .seconds(7_200))
      try await context.step("book") { world.set("booked", amount) }
    } catch let error as FlowError where error.code == .timedOut {
      try await context.step("remind") { world.set("reminded", 1) }
    }
    async let left: Void = context.step("left") { world.set("left", 1) }
    async let right: Void = context.step("right") { world.set("right", 1) }
    _ = try await (left, right)
    try await context.transaction("bill", on: run.client) { transaction in
      world.add("bills", in: transaction)
      return true
    }
    _ = try await context.random("dice", in: 1...6)
    _ = try await context.now("end")
  }

  @Test("A right flow passes: crashes and zombies everywhere, events early, twice, late and lost, cancelled anywhere")
  func right() async throws {
    let invariant: FlowTestInvariant = { world, ending in
      if ending == .completed {
        try world.require(world["bills"] == 1, "\(world["bills"]) bills")
        try world.require(world["booked"] / 500 + world["reminded"] == 1, "both or none of booked and reminded")
        try world.require(world["reserved"] == 1, "nothing is reserved")
      } else {
        try world.require(world["bills"] <= 1, "\(world["bills"]) bills")
        try world.require(world["reserved"] == 0, "reserved, and not released")
      }
    }
    let test = flowTest(
      .init(cancels: true, randomRuns: 100),
      events: [("paid/7", .seconds(5_000))],
      invariant: invariant
    ) { try await Self.rightFlow($0, $1, $2) }
    let report = try await test.check()
    #expect(report.points.contains("before step \"reserve\""))
    #expect(report.points.contains("before step \"reserve\" is recorded"))
    #expect(report.points.contains("after step \"reserve\" was recorded"))
    #expect(report.points.contains("before a transaction commits"))
    #expect(report.points.contains("after the outcome was stored (completed)"))
    #expect(report.events.count == 6)
    #expect(report.runs > 400)
  }

  @Test("A flow that fails for good is undone whatever crashes, also while it is undone")
  func undone() async throws {
    let options = FlowTestOptions(ending: .deadLetter(.failed), randomRuns: 100)
    let invariant: FlowTestInvariant = { world, _ in
      try world.require(world["a"] == 0 && world["b"] == 0, "\(world["a"]) of a and \(world["b"]) of b are left")
    }
    let test = flowTest(options, invariant: invariant) { _, world, context in
      for name in ["a", "b"] {
        try await context.onFailure(name) { world.set(name, 0) }
        try await context.step(name) { world.set(name, 1) }
      }
      throw HandlerFailure()
    }
    try await test.check()
  }

  @Test("Tasks that a flow enqueues run too, and its events wake flows of theirs")
  func children() async throws {
    let test = FlowTest(Ping(number: 1), options: .init(randomRuns: 30)) { run in
      let world = FlowTestWorld()
      run.invariant { _ in try world.require(world["answered"] == 1, "\(world["answered"]) answers") }
      var handlers = TaskHandlers()
      try handlers.register(Ping.self) { _, context in
        try await context.step("ask") {
          var options = EnqueueOptions()
          options.unique = UniqueKey("ask")
          _ = try await run.client.enqueue(Pong(text: "?"), options: options)
        }
        let answer = try await context.event("answer", as: String.self)
        try await context.step("note") { world.set("answered", answer == "!" ? 1 : 2) }
        return .completed
      }
      try handlers.register(Pong.self) { _, _ in
        try await run.client.emit("answer", "!")
        return .completed
      }
      return handlers
    }
    try await test.check()
  }

  @Test("A failure names the crash and its place, shows the calls, and its seed brings the same one again")
  func failure() async throws {
    @Sendable func handle(_ run: FlowTestRun, _ world: FlowTestWorld, _ context: TaskContext) async throws {
      try await context.step("charge") { try await run.act("charge 7") }
    }
    let failure = await #expect(throws: FlowTestFailure.self) {
      try await flowTest { try await handle($0, $1, $2) }.check()
    }
    let text = try #require(failure).description
    #expect(failure?.crash == "after action \"charge 7\", before its answer: the process dies")
    #expect(failure?.seed == nil)
    #expect(text.contains("Action \"charge 7\" was carried out twice, by attempts 1 and 2, without a key."))
    #expect(text.contains("1  action \"charge 7\": carried out, without a key"))
    #expect(text.contains("1  CRASH after action"))
    #expect(text.contains("61 s        2  claimed: test.ping"))
    let seeds = (UInt64(1)...200)
    var seen: [UInt64: String] = [:]
    for seed in seeds {
      do { try await flowTest { try await handle($0, $1, $2) }.check(seed: seed) } catch let error as FlowTestFailure {
        #expect(error.seed == seed)
        seen[seed] = "\(error)"
      }
    }
    #expect(seen.count > 10)
    for (seed, text) in seen.prefix(10) {
      let again = await #expect(throws: FlowTestFailure.self) {
        try await flowTest { try await handle($0, $1, $2) }.check(seed: seed)
      }
      #expect(again?.description == text)
      #expect(text.contains("check(seed: \(seed))"))
    }
  }

  @Test("A flow that does not end as it should without a crash fails at once")
  func wrongEnding() async throws {
    let failure = await #expect(throws: FlowTestFailure.self) {
      try await flowTest { _, _, _ in throw HandlerFailure() }.check()
    }
    #expect(failure?.problem.contains("dead letter (failed)") == true)
    let waiting = await #expect(throws: FlowTestFailure.self) {
      try await flowTest { _, _, context in _ = try await context.event("never", as: Int.self) }.check()
    }
    #expect(waiting?.problem.contains("waits for ever") == true)
    let endless = await #expect(throws: FlowTestFailure.self) {
      try await FlowTest(Ping(), options: .init(randomRuns: 0)) { _ in
        var handlers = TaskHandlers()
        try handlers.register(Ping.self) { _, _ in .again(after: .seconds(1)) }
        return handlers
      }.check()
    }
    #expect(endless?.problem.contains("goes on without end") == true)
  }

  @Test("A crash inside a transaction rolls it back, and what its body does afterwards is refused")
  func lostTransaction() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let world = FlowTestWorld()
    let late = Journal<String>()
    await #expect(throws: TaskQueueError.self) {
      try await client.withTransaction { transaction in
        world.add("rows", in: transaction)
        try await client.enqueue(Ping(), in: transaction)
        store.lose(transaction)
        do { _ = try await client.enqueue(Ping(), in: transaction) } catch { late.append("\(error)") }
      }
    }
    #expect(world["rows"] == 0 && late.entries.count == 1)
    try await client.withTransaction { transaction in _ = try await client.enqueue(Ping(), in: transaction) }
    #expect(try await client.tasks(after: nil, limit: 10).count == 1)
  }
}
