import EmbeddedPostgres
import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("A worker says how it does")
struct HealthTests {
  /// Fails, or does not answer, as long as it is told to.
  private final class TroubledStore: StoreDecorator {
    enum Trouble: Sendable { case fails, hangs }

    let base: any StoreContract
    private let trouble = Mutex<Trouble?>(nil)

    init(_ base: any StoreContract) { self.base = base }

    func set(_ new: Trouble?) { trouble.withLock { $0 = new } }

    func exchange(
      settle: [Settlement],
      claim: ClaimRequest?,
      within limit: Duration
    ) async throws(TaskQueueError) -> Exchange {
      switch trouble.withLock({ $0 }) {
      case nil: return try await base.exchange(settle: settle, claim: claim, within: limit)
      case .fails: throw TaskQueueError(.storeFailed, "It is away.", isRetrySafe: true)
      case .hangs:
        while trouble.withLock({ $0 }) == .hangs, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
        throw TaskQueueError(.storeFailed, "It was away.", isRetrySafe: true)
      }
    }
  }

  @Test("Before, while and after it runs")
  func life() async throws {
    let store = InMemoryTaskStore()
    let seen = Mutex<TaskWorker?>(nil)
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { worker in
      seen.withLock { $0 = worker }
      try await eventually("it is ready") { worker.health.isReady }
      #expect(worker.health.state == .ready && worker.health.isLive && !worker.health.isDraining)
    }
    let health = try #require(seen.withLock { $0 }).health
    #expect(health.state == .ended && !health.isLive && !health.isReady)
    var handlers = TaskHandlers()
    try handlers.register(Ping.self) { _, _ in .completed }
    let new = try TaskWorker(store: store, handlers: handlers).health
    #expect(new.state == .new && new.isLive && !new.isReady)
  }

  @Test("A store that fails, or does not answer, makes it unready and not dead; it comes back by itself")
  func store() async throws {
    let store = TroubledStore(InMemoryTaskStore())
    let configuration = quickConfiguration { $0.lease = .milliseconds(300) }
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { worker in
      for trouble in [TroubledStore.Trouble.fails, .hangs] {
        try await eventually("it is ready") { worker.health.isReady }
        store.set(trouble)
        try await eventually("it is not ready any more") { worker.health.state == .storeUnreachable }
        #expect(worker.health.isLive && !worker.health.isReady)
        store.set(nil)
      }
      try await eventually("it is ready again") { worker.health.isReady }
    }
  }

  @Test("A worker that drains is live and takes nothing")
  func draining() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let started = Mutex(false)
    let goOn = Mutex(false)
    try await client.enqueue(Ping())
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in
        started.withLock { $0 = true }
        while !goOn.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        return .completed
      }
    } _: { worker in
      try await eventually("it runs") { started.withLock { $0 } }
      #expect(worker.health.isReady)
      worker.shutDown()
      try await eventually("it drains") { worker.health.isDraining }
      #expect(worker.health.isLive && !worker.health.isReady)
      goOn.withLock { $0 = true }
      try await eventually("it has ended") { worker.health.state == .ended }
    }
    #expect(try await client.counts().isEmpty)
  }

  @Test("An engine whose thread does not turn is not live")
  func hang() {
    for state in [WorkerHealth.State.starting, .ready, .storeUnreachable, .draining] {
      let health = WorkerHealth(state: state, sinceTurn: WorkerHealth.hangsAfter)
      #expect(!health.isLive && !health.isReady, "\(state)")
      #expect(WorkerHealth(state: state, sinceTurn: .seconds(6)).isLive, "turns are at most 5 s apart")
    }
  }

  @Test("A database that is frozen makes it unready, one that thaws makes it ready again")
  func frozenDatabase() async throws {
    try await EmbeddedPostgres.with(settings: ["fsync": "off"]) { postgres in
      let connection = LibpqConfiguration(postgres.connectionString)
      try await Migrator(configuration: connection).migrate()
      let store = try PostgresTaskStore(.init(connection))
      let configuration = quickConfiguration { $0.lease = .seconds(3) }
      try await withWorker(store, configuration) { handlers in
        try handlers.register(Ping.self) { _, _ in .completed }
      } _: { worker in
        try await eventually("it is ready") { worker.health.isReady }
        postgres.pause()
        let outcome: Result<Void, any Error>
        do {
          try await eventually("it is not ready any more") { worker.health.state == .storeUnreachable }
          #expect(worker.health.isLive)
          outcome = .success(())
        } catch { outcome = .failure(error) }
        postgres.resume()
        try outcome.get()
        try await eventually("it is ready again") { worker.health.isReady }
      }
      await store.close()
    }
  }
}
