import Foundation
import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("FlowTest finds what is wrong with flows")
struct FlowTestBugTests {
  /// - Parameter words: what the failure says.
  private func expectFound(
    _ test: FlowTest<Ping>,
    _ words: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let failure = await #expect(throws: FlowTestFailure.self, sourceLocation: sourceLocation) { try await test.check() }
    guard let failure else { return }
    #expect(failure.problem.contains(words), "\(failure)", sourceLocation: sourceLocation)
  }

  @Test("A provider that is called in a step, and again after a crash")
  func doubleCall() async {
    let test = flowTest { run, _, context in
      try await context.step("charge") { try await run.act("charge 7") }
    }
    await expectFound(test, "carried out twice, by attempts 1 and 2, without a key")
  }

  @Test("An effect that sends a key of its own making")
  func wrongKey() async {
    let test = flowTest { run, world, context in
      _ = try await context.effects.perform("charge", request: 7) { _ in
        world.add("keys")
        try await run.act("charge 7", key: "key-\(world["keys"])")
        return true
      } reconcile: { call in
        run.hasActed("charge 7", key: call.key) ? .happened(true) : .didNotHappen
      }
    }
    await expectFound(test, "carried out twice, by attempts 1 and 2, with another key")
  }

  @Test("A value that is read outside of a step, and written from in it")
  func readBeforeWrite() async {
    let invariant: FlowTestInvariant = { world, _ in try world.require(world["sold"] == 1, "\(world["sold"]) are sold")
    }
    let test = flowTest(invariant: invariant) { _, world, context in
      let sold = world["sold"]
      try await context.step("sell") { world.set("sold", sold + 1) }
    }
    await expectFound(test, "2 are sold")
  }

  @Test("An event whose timeout is swallowed, and then waited for without one")
  func lostEvent() async {
    let test = flowTest(events: [("paid", .seconds(60)), ("shipped", .seconds(30))]) { _, _, context in
      do { _ = try await context.event("paid", as: Int.self, timeout: .seconds(600)) } catch is FlowError {
        _ = try await context.event("paid by hand", as: Int.self)
      }
    }
    await expectFound(test, "waits for ever")
  }

  @Test("A write by a connection of its own, which an overtaken attempt makes as well")
  func unfencedWrite() async {
    let invariant: FlowTestInvariant = { world, _ in
      try world.require(world["status"] == 2, "the status went back to \(world["status"])")
    }
    let test = flowTest(invariant: invariant) { run, world, context in
      try await context.step("pay") {
        try await run.crashPoint("the connection")
        world.set("status", 1)
      }
      try await context.step("ship") { world.set("status", 2) }
    }
    await expectFound(test, "the status went back to 1")
  }

  @Test("A step whose input is another one in each attempt")
  func changedInput() async {
    let test = flowTest { run, _, context in
      try await context.step("charge", input: run.now) {}
    }
    await expectFound(test, "dead letter (failed)")
  }

  @Test("A suspension that is swallowed, with something done after it")
  func swallowed() async {
    let test = flowTest { run, _, context in
      try? await context.sleep("trial", for: .seconds(60))
      try await run.act("mail")
    }
    await expectFound(test, "had been told to leave")
  }

  @Test("A wait for an event that is swallowed, with something done after it")
  func swallowedEvent() async {
    let test = flowTest(events: [("paid", .seconds(60))]) { run, _, context in
      _ = try? await context.event("paid", as: Int.self)
      try await run.act("mail")
    }
    await expectFound(test, "had been told to leave")
  }

  @Test("A branch that depends on the time, which is not recorded")
  func branching() async {
    let test = flowTest { run, _, context in
      let isMorning = Int(run.now.timeIntervalSince1970).isMultiple(of: 2)
      if isMorning {
        try await context.step("breakfast") {}
      } else {
        try await context.step("dinner") {}
      }
    }
    await expectFound(test, "without coming to step \"breakfast\"")
  }

  @Test("Names of steps that depend on the attempt")
  func names() async {
    let test = flowTest { _, _, context in
      try await context.step("charge \(context.attempt)") {}
    }
    await expectFound(test, "without coming to step \"charge 1\"")
  }

  @Test("A compensation that is registered after the step that can fail half-way")
  func lateCompensation() async {
    let options = FlowTestOptions(ending: .deadLetter(.failed), randomRuns: 10)
    let invariant: FlowTestInvariant = { world, _ in
      try world.require(world["reserved"] == 0, "reserved, and not released")
    }
    let test = flowTest(options, invariant: invariant) { _, world, context in
      try await context.step("reserve") {
        world.set("reserved", 1)
        throw HandlerFailure()
      }
      try await context.onFailure("release") { world.set("reserved", 0) }
    }
    await expectFound(test, "reserved, and not released")
  }

  @Test("A compensation that is missing if the flow is cancelled between the step and it")
  func missingCompensation() async {
    let invariant: FlowTestInvariant = { world, ending in
      try world.require(world["reserved"] == (ending == .completed ? 1 : 0), "reserved, and not released")
    }
    let test = flowTest(.init(cancels: true, randomRuns: 10), invariant: invariant) { _, world, context in
      try await context.step("reserve") { world.set("reserved", 1) }
      try await context.onFailure("release") { world.set("reserved", 0) }
    }
    await expectFound(test, "reserved, and not released")
  }

  @Test("A transaction of its own beside the step that remembers it")
  func foreignTransaction() async {
    let invariant: FlowTestInvariant = { world, _ in
      try world.require(world["orders"] == 1, "\(world["orders"]) orders")
    }
    let test = flowTest(invariant: invariant) { run, world, context in
      try await context.step("order") {
        try await run.client.withTransaction { transaction in world.add("orders", in: transaction) }
      }
    }
    await expectFound(test, "2 orders")
  }

  @Test("A counter that is incremented outside of a step")
  func counter() async {
    let invariant: FlowTestInvariant = { world, _ in
      try world.require(world["orders"] == 1, "\(world["orders"]) orders")
    }
    let test = flowTest(invariant: invariant) { _, world, context in
      world.add("orders")
      try await context.step("confirm") {}
    }
    await expectFound(test, "2 orders")
  }

  @Test("A wait that counts on its event coming once only")
  func eventTwice() async {
    let invariant: FlowTestInvariant = { world, _ in
      try world.require(world["paid"] == 1, "paid \(world["paid"]) times")
    }
    let test = flowTest(events: [("paid", .seconds(60))], invariant: invariant) { _, world, context in
      _ = try await context.event("paid", as: Int.self, timeout: .seconds(600))
      world.add("paid")
      try await context.step("thank") {}
    }
    await expectFound(test, "paid 2 times")
  }
}
