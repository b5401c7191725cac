import Foundation
import TaskQueue
import TaskQueueTestKit
import Testing

@testable import NightlyReport

@Suite("Nightly report")
struct NightlyReportTests {
  @Test("The last three nights at 3 in Berlin have a report each", .database(migrated: false))
  func nights() async throws {
    let database = try #require(TestDatabase.current)
    let reports = try await NightlyReport.run(database.postgresConfiguration)
    var berlin = Calendar(identifier: .gregorian)
    berlin.timeZone = try #require(TimeZone(identifier: "Europe/Berlin"))
    #expect(reports.made.count == 3)
    #expect(reports.made.keys.allSatisfy { $0.schedule == "nightly" && berlin.component(.hour, from: $0.instant) == 3 })
  }
}
