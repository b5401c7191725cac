@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit

/// An empty in-memory store with a clock moved by hand.
struct InMemoryStoreHarness: EffectLedgerHarness {
  let time: ManualTime
  let inMemoryStore: InMemoryTaskStore

  var store: any StoreContract { inMemoryStore }
  var ledger: any EffectLedger { inMemoryStore }

  init() {
    let time = ManualTime()
    self.time = time
    inMemoryStore = InMemoryTaskStore(now: { time.now })
  }

  func advance(by duration: Duration) async throws { time.advance(by: duration) }
}
