import Foundation
import HTTPTypes
import Libpq
import NIOHTTP1
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("Batches of payments")
struct BatchTests {
  struct Answers: Decodable {
    struct One: Decodable {
      var status: Int
      var payment: Payment?
      var problem: Problem?
      var location: String?
      var replayed: Bool?
      var idempotencyKey: String?

      var kind: String? { problem.map { String($0.type.dropFirst(ProblemKind.typeBase.count)) } }
    }
    var answers: [One]
  }

  private static func item(_ key: String, order: String? = nil, amount: Int = 100) -> String {
    let order = order.map { #","orderId":"\#($0)""# } ?? ""
    return #"{"idempotencyKey":"\#(key)","userId":"u","amount":\#(amount),"currency":"EUR"\#(order)}"#
  }

  private static func send(
    _ items: [String],
    _ fixture: PaymentsFixture,
    headers: [String: String] = [:]
  ) async throws -> PaymentsFixture.Answer {
    let headers = headers.merging(["Content-Type": "application/json"], uniquingKeysWith: { $1 })
    let body = #"{"payments":[\#(items.joined(separator: ","))]}"#
    return try await fixture.send(.POST, "/payments/batch", headers: headers, body: body)
  }

  private static func answers(_ items: [String], _ fixture: PaymentsFixture) async throws -> [Answers.One] {
    let answer = try await send(items, fixture)
    #expect(answer.status == 207)
    return try answer.json(Answers.self).answers
  }

  @Test("Each payment of a batch has its own answer, by the rules of single ones")
  func answersEach() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let single = try await fixture.post("/payments", PaymentsFixture.body, key: "single").json(Payment.self)
      let items = [
        Self.item("a", order: "o1"), Self.item("b", amount: 0), "7", Self.item("a", order: "o1"),
        Self.item("a", amount: 5),
        Self.item("c", order: "o1"), Self.item("no key"), Self.item("single"), Self.item("d", order: "o2"),
        #"{"userId":"u","amount":1,"currency":"EUR"}"#,
      ]
      let first = try await Self.answers(items, fixture)
      #expect(first.map(\.status) == [202, 422, 422, 202, 422, 409, 422, 202, 202, 422])
      #expect(first[1].problem?.errors?.map(\.pointer) == ["/amount"])
      #expect(first[6].problem?.errors?.map(\.pointer) == ["/idempotencyKey"])
      #expect(first[9].problem?.errors?.map(\.pointer) == ["/idempotencyKey"])
      #expect(first[4].kind == "idempotency-key-reused")
      #expect(first[5].kind == "order-taken")
      #expect(first[3].payment == first[0].payment)
      #expect(
        first.map { $0.replayed ?? false } == [3, 7].reduce(into: Array(repeating: false, count: 10)) { $0[$1] = true }
      )
      #expect(first.map(\.idempotencyKey) == ["a", "b", nil, "a", "a", "c", nil, "single", "d", nil])
      let made = try #require(first[0].payment)
      #expect(first[0].location == "/payments/\(made.id)")
      #expect(first[5].location == "/payments/\(made.id)")
      #expect(first[7].payment?.id == single.id)
      let again = try await Self.answers(items, fixture)
      #expect(again.map(\.status) == first.map(\.status))
      #expect(again.map { $0.payment?.id } == first.map { $0.payment?.id })
      #expect(try await PaymentStore.list(after: nil, limit: 10, in: fixture.store.pool).count == 3)
      #expect(try await fixture.tasks(InitPayment.taskType).count == 3)
      // A key of a batch is that of a single payment.
      let one = try await fixture.post(
        "/payments",
        #"{"userId":"u","amount":100,"currency":"EUR","orderId":"o2"}"#,
        key: "d"
      )
      #expect(try one.json(Payment.self).id == first[8].payment?.id)
      #expect(try await fixture.send(.GET, "/payments/batch").problem == .methodNotAllowed)
    }
  }

  @Test("Many payments are few commits, and are paid")
  func fewCommits() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let items = (1...PaymentBatch.sizes.upperBound).map { Self.item("k\($0)", order: "o\($0)") }
      let start = ContinuousClock.now
      let answers = try await Self.answers(items, fixture)
      let batch = ContinuousClock.now - start
      #expect(answers.allSatisfy { $0.status == 202 })
      // The time of a transaction is that of its rows.
      let commits = try await fixture.store.pool.query("SELECT count(DISTINCT created_at) FROM payments.payment")[0]
        .int8(0)
      #expect(commits == Int64(items.count / PaymentAPI.commitSize))
      #expect(try await fixture.tasks(InitPayment.taskType).count == items.count)
      let before = ContinuousClock.now
      for number in 1...100 {
        _ = try await fixture.post("/payments", PaymentsFixture.body, key: "single-\(number)")
      }
      let single = (ContinuousClock.now - before) / 100
      print("a payment of a batch takes \(batch / items.count), a single one \(single)")
      #expect(batch / items.count < single)
    }
  }

  @Test("Batches with the same payments in any order at the same time make each once", .timeLimit(.minutes(3)))
  func concurrent() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let items = (1...60).map { Self.item("k\($0)", order: "o\($0)") }
      let orders = [items, items.reversed(), items.shuffled(), Array(items.suffix(40)), items.shuffled()]
      try await withThrowingTaskGroup(of: Void.self) { group in
        for order in orders {
          group.addTask {
            for _ in 1...100 {
              let answers = try await Self.answers(order, fixture)
              #expect(
                answers.allSatisfy { $0.status == 202 || $0.kind == "idempotency-key-in-use" || $0.status == 503 }
              )
              if answers.allSatisfy({ $0.status == 202 }) { return }
            }
            Issue.record("Not everything was accepted.")
          }
        }
        try await group.waitForAll()
      }
      #expect(try await PaymentStore.list(after: nil, limit: 100, in: fixture.store.pool).count == items.count)
    }
  }

  @Test(
    "A payment whose key is held by another request holds up none before it, and waits for its turn",
    .timeLimit(.minutes(2))
  )
  func heldKey() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      func count() async throws -> Int {
        try await PaymentStore.list(after: nil, limit: 10, in: fixture.store.pool).count
      }
      let other = LibpqPool(fixture.store.configuration.connection, maxConnections: 1)
      let waiting = try await other.withTransaction { transaction in
        _ = try await transaction.query(
          """
          INSERT INTO payments.idempotency_key (caller, operation, key, fingerprint, expires_at)
          SELECT '', 'payment', key, '', now() + interval '1 hour' FROM unnest('{held,too,third}'::text[]) AS key
          """
        )
        let answers = try await Self.answers(["a", "held", "too", "third", "b"].map { Self.item($0) }, fixture)
        // A batch doesn't wait for each of hundreds.
        #expect(answers.map(\.status) == [202, 409, 409, 503, 202])
        #expect(answers[1].kind == "idempotency-key-in-use")
        let waiting = Task { try await Self.answers([Self.item("c"), Self.item("held"), Self.item("d")], fixture) }
        try await eventually("the first is accepted") { try await count() >= 3 }
        _ = try await transaction.query("DELETE FROM payments.idempotency_key WHERE key = 'held'")
        return waiting
      }
      await other.close()
      #expect(try await waiting.value.map(\.status) == [202, 202, 202])
      #expect(try await count() == 5)
    }
  }

  @Test("What is no batch, or too large, is refused as a whole")
  func limits() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let many = (1...(PaymentBatch.sizes.upperBound + 1)).map { Self.item("k\($0)") }
      let tooMany = try await Self.send(many, fixture).problem
      let none = try await Self.send([], fixture).problem
      #expect([tooMany, none] == [.invalidFields, .invalidFields])
      for body in ["{}", #"{"payments":{}}"#, #"{"payments":[1],"x":1}"#, "[]"] {
        let problem = try await fixture.post("/payments/batch", body).problem
        #expect(problem == .invalidFields, "\(body)")
      }
      let long = Self.item("k", order: String(repeating: "x", count: PaymentBatch.maxBodyBytes))
      let tooLarge = try await Self.send([long], fixture).problem
      #expect(tooLarge == .bodyTooLarge)
      let stored = try await PaymentStore.list(after: nil, limit: 10, in: fixture.store.pool)
      #expect(stored.isEmpty)
    }
  }

  @Test("A batch counts for the backlog and the rates as its payments do")
  func counts() async throws {
    let settings = PaymentsFixture.settings { settings in
      settings.backlogLimit = 3
      settings.callerLimit = RateLimit(perSecond: 0.01, burst: 9)
    }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      let reader = try await fixture.bearer("reader", [.read])
      let headers = try await fixture.bearer("shop", [.create])
      let answer = try await Self.send((1...5).map { Self.item("k\($0)") }, fixture, headers: headers)
      #expect(try answer.json(Answers.self).answers.map(\.status) == [202, 202, 202, 429, 429])
      // Repetitions are no new payments.
      let again = try await Self.send((1...3).map { Self.item("k\($0)") }, fixture, headers: headers)
      #expect(try again.json(Answers.self).answers.map { $0.replayed ?? false } == [true, true, true])
      // 8 of 9 are used up. One more is admitted, and what it owes keeps the next one out.
      #expect(
        try await Self.send((1...3).map { Self.item("k\($0)") }, fixture, headers: headers).problem == .tooManyRequests
      )
      #expect(try await Self.send([Self.item("k1")], fixture, headers: headers).problem == .tooManyRequests)
      #expect(try await Self.send([Self.item("k1")], fixture, headers: reader).problem == .insufficientScope)
    }
  }
}
