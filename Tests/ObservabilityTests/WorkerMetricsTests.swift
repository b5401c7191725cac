import Foundation
import Libpq
import Metrics
import MetricsTestKit
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("What a worker tells of itself")
struct WorkerMetricsTests {
  private struct Bulk: TaskPayload {
    static let taskType: TaskType = "test.bulk"
  }

  private let metrics = TestMetrics()
  private let lane = [("queue", "default"), ("type", "test.ping")]

  private func total(_ label: String) -> Int64 { metrics.counterTotal(label: label) }
  private func gauge(_ label: String, _ labels: [(String, String)] = []) -> Double? {
    try? metrics.expectGauge(label, labels).lastValue
  }
  private var appWaits: Int64 {
    metrics.counterTotal(label: "taskqueue_pool_waits_total", dimensions: [("pool", "app")])
  }
  private func timer(_ label: String, _ labels: [(String, String)] = []) -> [Int64] {
    (try? metrics.expectTimer(label, labels).values) ?? []
  }

  @Test("Waits, retries, calls of the store and the sizes of exchanges", arguments: StoreKind.allCases)
  func attempts(kind: StoreKind) async throws {
    try await withMetricsFactory(metrics) {
      try await kind.with { store in
        try await TaskClient(store: AnyStore(store)).enqueue(all: [Ping(number: 0), Ping(number: 1)])
        try await withWorker(store) { handlers in
          try handlers.register(Ping.self, options: .init(retry: .fixed(.milliseconds(1)), maxAttempts: 3)) { ping, _ in
            if ping.number == 1 { throw HandlerFailure() }
            return .completed
          }
        } _: { _ in
          try await eventually("one is done and one is dead") {
            let dead = try await store.deadLetters(.init(), after: nil, limit: 10)
            let live = try await store.counts()
            return dead.count == 1 && live.isEmpty
          }
        }
      }
    }
    #expect(total("taskqueue_retries_total") == 2 && total("taskqueue_dead_total") == 1)
    let waits = timer("taskqueue_wait_duration", lane)
    #expect(waits.count == 4 && waits.allSatisfy { (0...600_000_000_000).contains($0) })
    #expect(timer("taskqueue_store_call_duration", [("call", "prepare")]).count == 1)
    #expect(!timer("taskqueue_store_call_duration", [("call", "exchange")]).isEmpty)
    #expect(!timer("taskqueue_store_call_duration", [("call", "look")]).isEmpty)
    #expect(total("taskqueue_store_failures_total") == 0)
    #expect(try metrics.expectRecorder("taskqueue_exchange_claimed").values.reduce(0, +) == 4)
    #expect(try metrics.expectRecorder("taskqueue_exchange_settled").values.reduce(0, +) == 4)
    #expect(gauge("taskqueue_slots") == 100)
  }

  @Test("What runs is a gauge that goes back to 0")
  func inFlight() async throws {
    try await withMetricsFactory(metrics) {
      let store = InMemoryTaskStore()
      try await TaskClient(store: store).enqueue(all: [Ping(), Ping(), Ping()])
      let goOn = Mutex(false)
      try await withWorker(store) { handlers in
        try handlers.register(Ping.self) { _, _ in
          while !goOn.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
          return .completed
        }
      } _: { _ in
        try await eventually("three run") { gauge("taskqueue_in_flight", lane) == 3 }
        goOn.withLock { $0 = true }
        try await eventually("none runs") { gauge("taskqueue_in_flight", lane) == 0 }
      }
    }
  }

  @Test("A lost lease and the outcome that came too late are counted once each", arguments: StoreKind.allCases)
  func lost(kind: StoreKind) async throws {
    try await withMetricsFactory(metrics) {
      try await kind.with { store in
        let client = TaskClient(store: AnyStore(store))
        try await client.enqueue(Ping())
        let goOn = Mutex(false)
        let deaf = UnrenewedStore(store)
        let configuration = quickConfiguration { $0.lease = .milliseconds(600) }
        try await withWorker(deaf, configuration) { handlers in
          try handlers.register(Ping.self) { _, context in
            if context.attempt == 1 {
              while !goOn.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(5)) }
            }
            return .completed
          }
        } _: { _ in
          try await eventually("its lease is lost") { total("taskqueue_leases_lost_total") == 1 }
          goOn.withLock { $0 = true }
          try await eventually("another attempt has done it") { try await client.counts().isEmpty }
        }
      }
    }
    #expect(total("taskqueue_leases_lost_total") == 1)
  }

  @Test("An outcome whose claim has lost its task is stale")
  func stale() async throws {
    try await withMetricsFactory(metrics) {
      let time = ManualTime()
      let store = InMemoryTaskStore(now: { time.now })
      let client = TaskClient(store: store)
      try await client.enqueue(Ping())
      let thief = ClaimRequest(
        queues: [.default],
        types: [Ping.taskType],
        limit: 1,
        lease: .seconds(600),
        promotesDue: true
      )
      try await withWorker(store) { handlers in
        try handlers.register(Ping.self) { _, _ in
          time.advance(by: .seconds(120))
          _ = try await store.exchange(settle: [], claim: thief)
          return .completed
        }
      } _: { _ in
        try await eventually("its outcome came too late") { total("taskqueue_stale_outcomes_total") == 1 }
      }
    }
  }

  @Test("Steps, effects and waits for limits have their times", arguments: StoreKind.allCases)
  func parts(kind: StoreKind) async throws {
    try await withMetricsFactory(metrics) {
      try await kind.with { store in
        try await TaskClient(store: AnyStore(store)).enqueue(Ping())
        let configuration = quickConfiguration { $0.limits = [LimitRule("bank", rate: LimitRate(1_000))] }
        try await withWorker(store, configuration) { handlers in
          try handlers.register(Ping.self) { _, context in
            _ = try await context.step("a") { 1 }
            _ = try await context.step("b") { 2 }
            _ = try await context.effects.perform("charge", request: 1) { _ in 1 }
            try await context.limit("bank")
            return .completed
          }
        } _: { _ in
          try await eventually("it is done") { try await store.counts().isEmpty }
        }
      }
    }
    #expect(timer("taskqueue_step_duration", [("type", "test.ping")]).count == 2)
    #expect(timer("taskqueue_effect_duration", [("type", "test.ping")]).count == 1)
    #expect(timer("taskqueue_limit_wait", [("limit", "bank")]).count == 1)
  }

  @Test("Calls of batch handlers have their sizes")
  func batches() async throws {
    try await withMetricsFactory(metrics) {
      let store = InMemoryTaskStore()
      try await TaskClient(store: store).enqueue(all: (0..<50).map { _ in Bulk() })
      try await withWorker(store) { handlers in
        try handlers.registerBatch(Bulk.self, upTo: 20) { _, _ in }
      } _: { _ in
        try await eventually("all are done") { try await store.counts().isEmpty }
      }
    }
    let sizes = try metrics.expectRecorder("taskqueue_batch_size", [("type", "test.bulk")]).values
    #expect(sizes.reduce(0, +) == 50 && sizes.allSatisfy { $0 <= 20 })
  }

  @Test("Schedules tell how many they moved on, and how late", arguments: StoreKind.allCases)
  func schedules(kind: StoreKind) async throws {
    try await withMetricsFactory(metrics) {
      try await kind.with { store in
        var schedules = TaskSchedules()
        try schedules.add("often", .every(.seconds(1)), Ping())
        try await withWorker(store, schedules: schedules) { handlers in
          try handlers.register(Ping.self) { _, _ in .completed }
        } _: { _ in
          try await eventually("two slots have come") { timer("taskqueue_schedule_lateness").count >= 2 }
        }
      }
    }
    #expect(total("taskqueue_schedules_fired_total") >= 2)
    #expect(timer("taskqueue_schedule_lateness").allSatisfy { (0...600_000_000_000).contains($0) })
  }

  @Test("A listener that breaks is opened again, which is counted")
  func listener() async throws {
    try await withMetricsFactory(metrics) {
      let store = BrokenListenerStore(InMemoryTaskStore())
      try await withWorker(store) { handlers in
        try handlers.register(Ping.self) { _, _ in .completed }
      } _: { _ in
        try await eventually("it was opened again") { total("taskqueue_listener_reconnects_total") >= 1 }
      }
      #expect(store.count >= 2)
    }
  }

  @Test("Connections and waits for them, told by a worker and without one")
  func pools() async throws {
    try await withMetricsFactory(metrics) {
      try await withTestDatabase { database in
        let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 1))
        try await withWorker(store) { handlers in
          try handlers.register(Ping.self) { _, _ in .completed }
        } _: { _ in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { _ = try await store.pool.query("SELECT pg_sleep(0.05)") } }
            try await group.waitForAll()
          }
          try await eventually("waits are told") { appWaits == Int64(store.pool.counts.waits) && appWaits >= 3 }
          try await eventually("connections are told") {
            gauge("taskqueue_pool_connections", [("pool", "app"), ("state", "idle")]) == 1
          }
        }
        let monitor = try StoreMonitor(store: store, interval: .milliseconds(5))
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await monitor.run() }
          for _ in 0..<4 { group.addTask { _ = try await store.pool.query("SELECT pg_sleep(0.05)") } }
          try await eventually("further waits are told, and the earlier ones not again") {
            store.pool.counts.waits >= 6 && appWaits == Int64(store.pool.counts.waits)
          }
          group.cancelAll()
        }
        await store.close()
      }
    }
  }
}

/// Lets every lease run out.
private final class UnrenewedStore: StoreDecorator {
  let base: any StoreContract
  init(_ base: any StoreContract) { self.base = base }

  func renew(_ claims: [Claim], lease: Duration, within limit: Duration) async throws(TaskQueueError) -> [Renewal] {
    throw TaskQueueError(.storeFailed, "Not now.", isRetrySafe: true)
  }
}

/// Its wake-ups end at once.
private final class BrokenListenerStore: StoreDecorator {
  let base: any StoreContract
  private let listens = Atomic(0)
  init(_ base: any StoreContract) { self.base = base }

  var count: Int { listens.load(ordering: .relaxed) }

  func watch(_ onHint: @escaping @Sendable (StoreHint) -> Void) async throws(TaskQueueError) {
    listens.add(1, ordering: .relaxed)
    throw TaskQueueError(.storeFailed, "The line is dead.", isRetrySafe: true)
  }
}
