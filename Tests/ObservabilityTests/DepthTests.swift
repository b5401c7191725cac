import Foundation
import Metrics
import MetricsTestKit
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("How long the queues are is measured by one worker")
struct DepthTests {
  /// Tells an overview that the test makes up, and who runs.
  private final class OverviewStore: StoreDecorator, OperatingStore, WorkerStore {
    let base: any StoreContract
    private let state = Mutex<(overview: QueueOverview?, looks: Int, hidden: Bool)>((nil, 0, false))

    init(_ base: any StoreContract) { self.base = base }

    func tell(_ overview: QueueOverview) { state.withLock { $0.overview = overview } }
    /// As if another worker had run for longer.
    func hideOthers() { state.withLock { $0.hidden = true } }
    var looks: Int { state.withLock(\.looks) }

    func overview() async throws(TaskQueueError) -> QueueOverview {
      let overview = state.withLock { state in
        state.looks += 1
        return state.overview
      }
      guard let overview else { throw TaskQueueError(.storeFailed, "Not now.", isRetrySafe: true) }
      return overview
    }

    func workers() async throws(TaskQueueError) -> [WorkerSnapshot] {
      var workers = try await workerStore().workers()
      guard state.withLock(\.hidden) else { return workers }
      workers.append(
        WorkerSnapshot(
          id: UUID(),
          name: "old",
          queues: [],
          types: [],
          slots: 1,
          startedAt: .distantPast,
          seenAt: Date()
        )
      )
      return workers
    }

    func note(_ worker: WorkerReport, within limit: Duration) async throws(TaskQueueError) {
      try await workerStore().note(worker, within: limit)
    }
    func forgetWorker(_ id: UUID, within limit: Duration) async throws(TaskQueueError) {
      try await workerStore().forgetWorker(id, within: limit)
    }
    func explain(_ id: TaskID) async throws(TaskQueueError) -> TaskExplanation {
      try await workerStore().explain(id)
    }

    private func workerStore() throws(TaskQueueError) -> any WorkerStore {
      guard let store = base as? any WorkerStore else { throw TaskQueueError(.storeFailed, "It knows no workers.") }
      return store
    }

    // What no worker asks for.
    private var unasked: TaskQueueError { TaskQueueError(.storeFailed, "Nobody asks for it here.") }
    func list(_ filter: TaskFilter, after cursor: TaskCursor?, limit: Int) async throws(TaskQueueError) -> TaskPage {
      throw unasked
    }
    func detail(of id: TaskID, withPayload: Bool) async throws(TaskQueueError) -> TaskDetail? { throw unasked }
    func limitLines(of name: String, after key: String?, limit: Int) async throws(TaskQueueError) -> [LimitLine] {
      throw unasked
    }
    func actions(
      before id: Int64?,
      about target: OperatorTarget?,
      limit: Int
    ) async throws(TaskQueueError) -> [OperatorAction] { throw unasked }
    func perform(_ request: OperatorRequest, noting note: OperatorNote) async throws(TaskQueueError) -> OperatorOutcome
    {
      throw unasked
    }
  }

  private let metrics = TestMetrics()

  private func depth(_ queue: String, _ state: String) -> Double? {
    try? metrics.expectGauge("taskqueue_depth", [("queue", queue), ("state", state)]).lastValue
  }
  private func age(_ queue: String) -> Double? {
    try? metrics.expectGauge("taskqueue_oldest_due_seconds", [("queue", queue)]).lastValue
  }

  private func overview(_ queues: [QueueSummary]) -> QueueOverview {
    QueueOverview(
      queues: queues,
      unsettledEffects: .zero,
      oldestUnsettledAt: nil,
      at: Date(timeIntervalSince1970: 1_000),
      isStandby: false
    )
  }

  @Test("Bounded counts by state and the age of the oldest; a queue that is gone, and a worker that ends, show 0")
  func measures() async throws {
    let store = OverviewStore(InMemoryTaskStore())
    store.tell(
      overview([
        QueueSummary(
          queue: "a",
          due: BoundedCount(1_000, isMore: true),
          running: BoundedCount(3),
          dead: BoundedCount(2),
          oldestDueAt: Date(timeIntervalSince1970: 940)
        ), QueueSummary(queue: "b", waiting: BoundedCount(5)),
      ])
    )
    try await withMetricsFactory(metrics) {
      try await withWorker(store, quickConfiguration { $0.depthInterval = .seconds(1) }) { handlers in
        try handlers.register(Ping.self) { _, _ in .completed }
      } _: { _ in
        try await eventually("it is measured") { depth("b", "waiting") == 5 }
        #expect(depth("a", "due") == 1_000 && depth("a", "running") == 3 && depth("a", "dead") == 2)
        #expect(depth("a", "limited") == 0 && age("a") == 60 && age("b") == 0)
        store.tell(overview([QueueSummary(queue: "a", due: BoundedCount(1))]))
        try await eventually("the other is gone") { depth("b", "waiting") == 0 }
        #expect(depth("a", "due") == 1 && age("a") == 0)
      }
    }
    #expect(depth("a", "due") == 0)
  }

  @Test("What both stores tell of their queues", arguments: StoreKind.allCases)
  func stores(kind: StoreKind) async throws {
    try await withMetricsFactory(metrics) {
      try await kind.with { store in
        let client = TaskClient(store: AnyStore(store))
        try await client.enqueue(all: [Ping(), Ping()], options: .with { $0.queue = "idle" })
        try await client.enqueue(Ping(), options: .with { $0.schedule = .after(.seconds(3_600)) })
        try await withWorker(store, quickConfiguration { $0.depthInterval = .seconds(1) }) { handlers in
          try handlers.register(Ping.self, options: .init(maxAttempts: 1)) { _, _ in .completed }
        } _: { _ in
          try await eventually("they are counted") { depth("idle", "due") == 2 && depth("default", "waiting") == 1 }
          #expect(age("idle") ?? -1 >= 0 && depth("idle", "dead") == 0)
        }
      }
    }
  }

  @Test("Where another worker has run for longer, it is that one's turn; without an interval nobody looks")
  func turns() async throws {
    let store = OverviewStore(InMemoryTaskStore())
    store.hideOthers()
    store.tell(overview([QueueSummary(queue: "a", due: BoundedCount(7))]))
    let done = Journal<Int>()
    try await withMetricsFactory(metrics) {
      for interval in [Duration.seconds(1), nil] {
        try await withWorker(store, quickConfiguration { $0.depthInterval = interval }) { handlers in
          try handlers.register(Ping.self) { ping, _ in
            done.append(ping.number)
            return .completed
          }
        } _: { _ in
          try await Task.sleep(for: .milliseconds(1_500))
        }
      }
    }
    #expect(store.looks == 0 && depth("a", "due") ?? 0 == 0)
  }
}
