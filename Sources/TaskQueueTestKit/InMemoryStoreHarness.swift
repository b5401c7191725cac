public import TaskQueue

/// An empty in-memory store with a clock moved by hand.
public struct InMemoryStoreHarness: StoreHarness {
  public let time: ManualTime
  let inMemoryStore: InMemoryTaskStore

  public var store: any TaskStore { inMemoryStore }

  public init() {
    let time = ManualTime()
    self.time = time
    inMemoryStore = InMemoryTaskStore(now: { time.now })
  }

  public func advance(by duration: Duration) async throws { time.advance(by: duration) }
}
