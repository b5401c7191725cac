@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit

/// An empty in-memory store with a clock moved by hand.
struct InMemoryStoreHarness: AlarmHarness, FlowHarness, GroupHarness, HistoryHarness, OperatingHarness,
  ScheduleHarness, TransactionHarness, WorkerHarness
{
  let time: ManualTime
  let inMemoryStore: InMemoryTaskStore

  var store: any StoreContract { inMemoryStore }
  var flows: any FlowStore { inMemoryStore }
  var groups: any GroupStore { inMemoryStore }
  var history: any HistoryStore { inMemoryStore }
  var ledger: any EffectLedger { inMemoryStore }
  var alarms: any AlarmSource { inMemoryStore }
  var schedules: any ScheduleStore { inMemoryStore }
  var workers: any WorkerStore { inMemoryStore }
  var operating: any OperatingStore { inMemoryStore }
  var keeper: any RetentionStore { inMemoryStore }
  var transactionalStore: InMemoryTaskStore { inMemoryStore }

  init() {
    let time = ManualTime()
    self.time = time
    inMemoryStore = InMemoryTaskStore(now: { time.now })
  }

  func elsewhere<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await Task.detached { try await body() }.value
  }

  func advance(by duration: Duration) async throws { time.advance(by: duration) }

  func sentences(of id: TaskID) async throws -> [String]? { nil }
}
