import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The PostgreSQL store's contract")
struct PostgresStoreConformanceTests {
  @Test("The PostgreSQL store keeps the contract of every store", arguments: StoreConformance.all)
  func conforms(to check: StoreConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }
}
