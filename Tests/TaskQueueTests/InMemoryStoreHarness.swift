@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit

/// An empty in-memory store with a clock moved by hand.
struct InMemoryStoreHarness: AlarmHarness, TransactionHarness {
  let time: ManualTime
  let inMemoryStore: InMemoryTaskStore

  var store: any StoreContract { inMemoryStore }
  var ledger: any EffectLedger { inMemoryStore }
  var alarms: any AlarmSource { inMemoryStore }
  var transactionalStore: InMemoryTaskStore { inMemoryStore }

  init() {
    let time = ManualTime()
    self.time = time
    inMemoryStore = InMemoryTaskStore(now: { time.now })
  }

  func advance(by duration: Duration) async throws { time.advance(by: duration) }
}
