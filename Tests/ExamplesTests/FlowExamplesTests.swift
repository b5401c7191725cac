import Libpq
import TaskQueueTestKit
import Testing

@testable import Approval
@testable import Order
@testable import SignUp

@Suite("Examples of flows")
struct FlowExamplesTests {
  private var database: LibpqConfiguration { get throws { try #require(TestDatabase.current).postgresConfiguration } }

  @Test("A trial ends with a card, or with the account", .database(migrated: false))
  func signUp() async throws {
    let accounts = try await SignUp.run(database, trial: .milliseconds(300))
    #expect(accounts == ["ada@example.org": "paid with 4242", "bob@example.org": "closed"])
  }

  @Test("An order that cannot be shipped is refunded, then put back", .database(migrated: false))
  func order() async throws {
    let result = try await Order.run(database)
    #expect(
      result.log == [
        "charged for the violin", "asked the carrier to take the violin", "charged for the piano",
        "asked the carrier to take the piano", "asked the carrier to take the piano",
        "asked the carrier to take the piano",
        "refunded the piano", "put the piano back",
      ]
    )
    #expect(result.stock == ["piano": 3, "violin": 2])
    #expect(result.paid == 90_000)
    #expect(result.dead.count == 1 && result.dead[0].hasPrefix("purchase failed"))
  }

  @Test("A person approves or refuses, and one who does not answer in time is passed over", .database(migrated: false))
  func approval() async throws {
    let expenses = try await Approval.run(database, patience: .milliseconds(300), answers: true)
    #expect(expenses == [1: "approved by the lead", 2: "refused by the lead", 3: "approved by the director"])
  }
}
