import Libpq
import TaskQueueTestKit
import Testing

@testable import LimitsExample

@Suite("Limits")
struct LimitsExampleTests {
  @Test(
    "Two at a time per customer, one after the other per account, ten per second to the bank",
    .database(migrated: false)
  )
  func limits() async throws {
    let database = try #require(TestDatabase.current)
    let observer = try await LimitsExample.run(database.postgresConfiguration)
    let (most, bookings) = (await observer.mostPerCustomer, await observer.bookings)
    #expect(most.count == 3 && most.values.allSatisfy { $0 <= 2 })
    let payments = await observer.payments
    // Nothing starts before its stamp; the first one may be late.
    #expect(payments.count == 11)
    #expect(payments[0].duration(to: payments[10]) > .milliseconds(500))
    #expect(bookings == ["A": [0, 2, 4, 6, 8], "B": [1, 3, 5, 7, 9]])
  }
}
