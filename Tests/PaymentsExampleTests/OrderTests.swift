import Foundation
import Libpq
import NIOHTTP1
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("One payment per order")
struct OrderTests {
  private static func body(_ order: String = "o-1", amount: Int = 100) -> String {
    #"{"userId":"u","orderId":"\#(order)","amount":\#(amount),"currency":"EUR"}"#
  }

  private static func payments(_ fixture: PaymentsFixture) async throws -> [Payment] {
    try await PaymentStore.list(after: nil, limit: 1000, in: fixture.store.pool)
  }

  @Test("A second payment for an order is refused, whatever its key and amount, and the answer names the first")
  func refused() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let first = try await fixture.post("/payments", Self.body(), key: "a").json(Payment.self)
      for amount in [100, 200] {
        let second = try await fixture.post("/payments", Self.body(amount: amount), key: "b-\(amount)")
        #expect(second.problem == .orderTaken)
        #expect(second.status == 409)
        #expect(second.headers.first(name: "Location") == "/payments/\(first.id)")
        let detail = try second.json(Problem.self).detail
        #expect(detail?.contains(first.id.description) == true)
      }
      // A repetition is none, another order is another, and without an order there is nothing to be the same.
      #expect(try await fixture.post("/payments", Self.body(), key: "a").status == 202)
      #expect(try await fixture.post("/payments", Self.body("o-2"), key: "c").status == 202)
      for key in ["d", "e"] {
        #expect(try await fixture.post("/payments", PaymentsFixture.body, key: key).status == 202)
      }
      #expect(try await Self.payments(fixture).count == 4)
      #expect(try await fixture.tasks(InitPayment.taskType).count == 4)
    }
  }

  @Test("Concurrent requests with different keys make one payment, and all others learn which")
  func concurrent() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      for order in 1...10 {
        try await withThrowingTaskGroup(of: PaymentsFixture.Answer.self) { group in
          for number in 1...20 {
            group.addTask { try await fixture.post("/payments", Self.body("o-\(order)"), key: "\(order)-\(number)") }
          }
          var accepted: [String?] = []
          var taken: Set<String?> = []
          for try await answer in group {
            let location = answer.headers.first(name: "Location")
            if answer.status == 202 { accepted.append(location) } else { taken.insert(location) }
            #expect(answer.status == 202 || answer.problem == .orderTaken)
          }
          #expect(accepted.count == 1)
          #expect(taken == Set(accepted))
        }
      }
      #expect(try await Self.payments(fixture).count == 10)
    }
  }

  @Test("Two that come at the very same moment are settled by the database: the second waits and finds the first")
  func sameMoment() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let creation = PaymentCreation(client: fixture.app.client)
      var new = PaymentsFixture.newPayment()
      new.orderId = "o-1"
      let pool = fixture.store.pool
      // Not committed while the other one looks for it.
      let (first, second) = try await pool.withTransaction { transaction in
        let first = try await creation.create(new, in: transaction)
        let order = new
        let second = Task.detached {
          try await PaymentCreation.settlingRaces {
            try await pool.withTransaction { try await creation.create(order, in: $0) }
          }
        }
        try await eventually("the second one waits for it") {
          try await transaction.query("SELECT FROM pg_locks WHERE NOT granted").rowCount > 0
        }
        return (first, second)
      }
      let taken = await #expect(throws: OrderTaken.self) { try await second.value }
      #expect(taken?.payment == first.id)
    }
  }

  @Test("A payment that ended without moving money makes room for another; one that is DONE doesn't")
  func makesRoom() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let ends: [PaymentInput] = [.refused(reason: "no"), .cancellationWanted]
      for (number, end) in ends.enumerated() {
        let payment = try await fixture.post("/payments", Self.body(), key: "a-\(number)").json(Payment.self)
        #expect(try await fixture.post("/payments", Self.body(), key: "b").problem == .orderTaken)
        try await fixture.apply(end, to: payment)
      }
      let last = try await fixture.post("/payments", Self.body(), key: "c").json(Payment.self)
      try await fixture.apply(.registered(id: "pp_x", .done), to: last)
      #expect(try await fixture.post("/payments", Self.body(), key: "d").problem == .orderTaken)
      #expect(try await Self.payments(fixture).count == 3)
    }
  }

  @Test("Each caller has orders of its own")
  func callers() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let creation = PaymentCreation(client: fixture.app.client)
      var new = PaymentsFixture.newPayment()
      new.orderId = "o-1"
      for caller in ["shop", "market"] {
        _ = try await fixture.store.pool.withTransaction { try await creation.create(new, caller: caller, in: $0) }
        await #expect(throws: OrderTaken.self) {
          try await fixture.store.pool.withTransaction { try await creation.create(new, caller: caller, in: $0) }
        }
      }
    }
  }

  @Test("An option allows several; without it again, an order that has one gets no other")
  func several() async throws {
    let settings = PaymentsFixture.settings { $0.allowsSeveralPerOrder = true }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      for key in ["a", "b"] {
        let answer = try await fixture.post("/payments", Self.body(), key: key)
        #expect(answer.status == 202)
      }
      let payments = try await Self.payments(fixture)
      #expect(payments.count == 2)
      let creation = PaymentCreation(client: fixture.app.client)
      var new = PaymentsFixture.newPayment()
      new.orderId = "o-1"
      let order = new
      await #expect(throws: OrderTaken.self) {
        try await fixture.store.pool.withTransaction { try await creation.create(order, in: $0) }
      }
    }
  }
}
