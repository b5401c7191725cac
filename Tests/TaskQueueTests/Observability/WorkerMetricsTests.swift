import Foundation
import Metrics
import MetricsTestKit
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("What a worker counts")
struct WorkerMetricsTests {
  /// How a handler ends that was told that its lease is lost.
  enum Ending: CaseIterable {
    case completed, again, discarded, cancelled, failed, givenUp

    func end() async throws -> TaskOutcome {
      switch self {
      case .completed: return .completed
      case .again: return .again
      case .discarded: return .discard(reason: "no")
      case .cancelled: throw CancellationError()
      case .failed: throw HandlerFailure()
      case .givenUp:
        // Past its grace, deaf.
        await Task { try? await Task.sleep(for: .milliseconds(300)) }.value
        return .completed
      }
    }
  }

  @Test(
    "An attempt whose lease was lost is counted as that, once, however its handler ends",
    arguments: Ending.allCases
  )
  func leaseLost(_ ending: Ending) async throws {
    let metrics = TestMetrics()
    try await withMetricsFactory(metrics) {
      let time = ManualTime()
      let store = InMemoryTaskStore(now: { time.now })
      let thief = ClaimRequest(
        queues: [.default],
        types: [Ping.taskType],
        limit: 1,
        lease: .seconds(600),
        promotesDue: true
      )
      try await TaskClient(store: store).enqueue(Ping())
      let configuration = quickConfiguration {
        $0.lease = .seconds(1)
        $0.cancellationGrace = .milliseconds(100)
      }
      try await withWorker(store, configuration) { handlers in
        try handlers.register(Ping.self) { _, _ in
          time.advance(by: .seconds(2))
          _ = try await store.exchange(settle: [], claim: thief)
          try? await Task.sleep(for: .seconds(60))
          return try await ending.end()
        }
      } _: { _ in
        try await eventually("it has ended") {
          (try? metrics.expectTimer("taskqueue_attempt_duration", lane))?.values.count == 1
        }
      }
    }
    #expect(outcomes(metrics) == ["lease_lost": 1])
  }

  @Test("A flow that is undone before it becomes a dead letter is one dead letter, however it failed")
  func undone() async throws {
    let metrics = TestMetrics()
    let undone = Journal<Int>()
    try await withMetricsFactory(metrics) {
      let store = InMemoryTaskStore()
      for number in 1...2 { try await TaskClient(store: store).enqueue(Ping(number: number)) }
      try await withWorker(store, quickConfiguration()) { handlers in
        try handlers.register(Ping.self, options: .init(maxAttempts: 1)) { ping, context in
          try await context.onFailure("first") { undone.append(ping.number) }
          if ping.number == 1 { throw HandlerFailure() }
          return .discard(reason: "no")
        }
      } _: { _ in
        try await eventually("both are dead") { try await store.deadLetters(.init(), after: nil, limit: 10).count == 2 }
      }
    }
    #expect(Set(undone.entries) == [1, 2])
    #expect(metrics.counters(label: "taskqueue_dead_total").reduce(0) { $0 + $1.totalValue } == 2)
  }

  @Test("What is stored is counted by type, and not what had its unique key taken")
  func enqueued() async throws {
    let metrics = TestMetrics()
    try await withMetricsFactory(metrics) {
      let client = TaskClient(store: InMemoryTaskStore())
      for _ in 1...3 { try await client.enqueue(Ping(), options: .with { $0.unique = UniqueKey("k") }) }
      let tasks = try ["k", "a", "b", "a"].map { key in
        try client.newTask(Ping(), options: .with { $0.unique = UniqueKey(key) })
      }
      try await client.enqueue(tasks + [client.newTask(Pong())])
    }
    let counters = metrics.counters(label: "taskqueue_enqueued_total")
    let counts = Dictionary(uniqueKeysWithValues: counters.map { ($0.dimensions.last?.1, $0.totalValue) })
    #expect(counts == ["test.ping": 3, "test.pong": 1])
  }

  @Test("What upkeep drops is counted by kind: nothing goes silently")
  func dropped() async throws {
    let metrics = TestMetrics()
    try await withMetricsFactory(metrics) {
      let time = ManualTime()
      let store = InMemoryTaskStore(now: { time.now })
      for _ in 0..<2 { _ = try await store.cancel(try await TaskClient(store: store).enqueue(Ping()).id) }
      time.advance(by: .seconds(91 * 86_400))
      let young = try await TaskClient(store: store).enqueue(Ping()).id
      _ = try await store.cancel(young)
      let configuration = quickConfiguration { $0.maintenanceInterval = .milliseconds(20) }
      try await withWorker(store, configuration) { handlers in
        try handlers.register(Ping.self) { _, _ in .completed }
      } _: { _ in
        try await eventually("the old ones are gone") {
          try await store.deadLetters(.init(), after: nil, limit: 10).map(\.id) == [young]
        }
      }
    }
    let counters = metrics.counters(label: "taskqueue_retention_dropped_total")
    #expect(counters.reduce(0) { $0 + $1.totalValue } == 2)
    #expect(counters.allSatisfy { $0.dimensions.map(\.1) == ["dead_letters"] })
  }

  @Test("A handler that was given up is counted then, as what it was cancelled for, and not again when it ends")
  func givenUp() async throws {
    let metrics = TestMetrics()
    try await withMetricsFactory(metrics) {
      let store = InMemoryTaskStore()
      let gate = Signals()
      try await TaskClient(store: store).enqueue(Ping())
      try await withWorker(store, quickConfiguration { $0.cancellationGrace = .milliseconds(10) }) { handlers in
        try handlers.register(Ping.self, options: .init(maxAttempts: 1, timeout: .milliseconds(10))) { _, _ in
          await gate.wait()
          return .completed
        }
      } _: { _ in
        try await eventually("it is given up") { outcomes(metrics) == ["timed_out": 1] }
        gate.open(1)
        try await eventually("it ends") {
          (try? metrics.expectTimer("taskqueue_attempt_duration", lane))?.values.count == 1
        }
      }
    }
    #expect(outcomes(metrics) == ["timed_out": 1])
  }

  @Test("Every other end has a name of its own")
  func ends() async throws {
    let metrics = TestMetrics()
    try await withMetricsFactory(metrics) {
      let store = InMemoryTaskStore()
      let client = TaskClient(store: store)
      let cancelled = Journal<TaskID>()
      let last = Journal<TaskID>()
      try await client.enqueue(all: (0..<8).map { Ping(number: $0) })
      try await client.enqueue(Pong())
      try await withWorker(store, quickConfiguration { $0.shutdownGrace = .zero }) { handlers in
        try handlers.register(Ping.self, options: .init(maxAttempts: 1)) { ping, context in
          switch ping.number {
          case 0: return .completed
          case 1: return .again(after: .seconds(600))
          case 2: return .snooze(.seconds(600))
          case 3: return .discard(reason: "no")
          case 4: throw HandlerFailure()
          case 5:
            try await client.withCompletion(of: context) { _ in }
            return .settledInTransaction
          case 6: cancelled.append(context.id)
          default: last.append(context.id)
          }
          try await Task.sleep(for: .seconds(600))
          return .completed
        }
        try handlers.register(Pong.self, options: .init(maxAttempts: 1, timeout: .milliseconds(50))) { _, _ in
          try await Task.sleep(for: .seconds(600))
          return .completed
        }
      } _: { _ in
        try await eventually("both run") { cancelled.entries.count == 1 && last.entries.count == 1 }
        _ = try await client.cancel(cancelled.entries[0])
        try await eventually("all but one ended") { metrics.counterTotal(label: "taskqueue_attempts_total") == 8 }
      }
    }
    #expect(
      outcomes(metrics) == [
        "completed": 1, "again": 1, "snoozed": 1, "discarded": 1, "failed": 1, "cancelled": 1, "timed_out": 1,
        "settled_in_transaction": 1, "interrupted": 1,
      ]
    )
    var dead: [String: Int64] = [:]
    for counter in metrics.counters(label: "taskqueue_dead_total") {
      dead[counter.dimensions.first { $0.0 == "reason" }?.1 ?? "", default: 0] += counter.totalValue
    }
    #expect(dead == ["cancelled": 1, "discarded": 1, "failed": 2])
  }

  @Test("What waits for a handler, or for a worker, is a gauge that goes back to 0")
  func gauges() async throws {
    let metrics = TestMetrics()
    try await withMetricsFactory(metrics) {
      let time = ManualTime()
      let store = InMemoryTaskStore(now: { time.now })
      let client = TaskClient(store: store)
      let unknown = try await client.enqueue(all: [Pong(), Pong()]).map(\.id)
      let unserved = try await client.enqueue(Ping(), options: .with { $0.queue = "nobody's" }).id
      time.advance(by: .seconds(120))
      func value(_ label: String, _ dimensions: [(String, String)] = []) -> Double? {
        try? metrics.expectGauge(label, dimensions).lastValue
      }
      let pongs = [("queue", QueueName.default.rawValue), ("type", Pong.taskType.rawValue)]
      try await withWorker(store, quickConfiguration { $0.maintenanceInterval = .milliseconds(20) }) { handlers in
        try handlers.register(Ping.self) { _, _ in .completed }
      } _: { _ in
        try await eventually("they show") {
          value("taskqueue_unhandled", pongs) == 2 && value("taskqueue_unserved_queues") == 1
        }
        for id in unknown + [unserved] { _ = try await client.cancel(id) }
        try await eventually("they are gone") {
          value("taskqueue_unhandled", pongs) == 0 && value("taskqueue_unserved_queues") == 0
        }
      }
    }
  }

  private var lane: [(String, String)] { [("queue", QueueName.default.rawValue), ("type", Ping.taskType.rawValue)] }

  private func outcomes(_ metrics: TestMetrics) -> [String: Int64] {
    var outcomes: [String: Int64] = [:]
    for counter in metrics.counters(label: "taskqueue_attempts_total") {
      guard let outcome = counter.dimensions.first(where: { $0.0 == "outcome" }) else { continue }
      outcomes[outcome.1, default: 0] += counter.totalValue
    }
    return outcomes
  }
}
