import Libpq
import TaskQueueTestKit
import Testing

@testable import BulkImport

@Suite("Bulk import")
struct BulkImportTests {
  @Test(
    "All rows are there, in fewer transactions than tasks, and what is refused is put aside",
    .database(migrated: false)
  )
  func bulk() async throws {
    let database = try #require(TestDatabase.current)
    let report = try await BulkImport.run(database.postgresConfiguration, count: 5_000)
    #expect(report.rows == 4_995 && report.refused == 5)
    #expect(report.batches < 2_500)
  }
}
