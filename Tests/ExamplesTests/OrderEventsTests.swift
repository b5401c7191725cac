import Libpq
import Outbox
import TaskQueueTestKit
import Testing

@testable import OrderEvents

@Suite("Order events")
struct OrderEventsTests {
  @Test("Each order's events arrive in order at a receiver that fails two times of three", .database(migrated: false))
  func inOrder() async throws {
    let database = try #require(TestDatabase.current)
    let receiver = try await OrderEvents.run(database.postgresConfiguration)
    let received = await receiver.received
    #expect(received.count == 3 * Orders.steps.count)
    for id in 1...3 {
      #expect(received.filter { $0.aggregateID == "\(id)" }.map(\.type) == Orders.steps)
    }
  }
}
