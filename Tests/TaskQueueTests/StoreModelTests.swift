@_spi(Store) import TaskQueueConformance
import TaskQueueTestKit
import Testing

@Suite("A store beside a model of its contract")
struct StoreModelTests {
  @Test(
    "The in-memory store agrees with the model after every one of many random operations",
    arguments: (1...80).map(UInt64.init)
  )
  func inMemory(seed: UInt64) async throws {
    try await StoreModelRun.run(seed: seed, on: InMemoryStoreHarness())
  }
}
