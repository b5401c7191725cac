@_spi(Store) import TaskQueueConformance
import TaskQueueTestKit
import Testing

@Suite("The PostgreSQL store beside a model of its contract")
struct PostgresStoreModelTests {
  @Test(
    "The PostgreSQL store agrees with the model after every one of many random operations",
    arguments: (1...6).map(UInt64.init)
  )
  func postgres(seed: UInt64) async throws {
    try await withStore { try await StoreModelRun.run(seed: seed, on: PostgresStoreHarness($0)) }
  }
}
