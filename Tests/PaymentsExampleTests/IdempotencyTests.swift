import Foundation
import Libpq
import NIOHTTP1
import TaskQueueHTTP
import TaskQueuePostgres
import Testing

@testable import PaymentsExample

@Suite("Idempotency keys")
struct IdempotencyTests {
  /// By hand: PAYMENTS_DUPLICATES=10000 PAYMENTS_DUPLICATE_KEYS=100.
  private static func number(_ name: String, _ standard: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? standard
  }

  @Test("Concurrent duplicates make one payment per key, and everybody gets its answer")
  func duplicates() async throws {
    let count = Self.number("PAYMENTS_DUPLICATES", 1000)
    let keys = Self.number("PAYMENTS_DUPLICATE_KEYS", 20)
    try await PaymentsFixture.with(works: false) { fixture in
      var bodies: [Int: Set<Data>] = [:]
      var firsts = 0
      try await withThrowingTaskGroup(of: (Int, PaymentsFixture.Answer).self) { group in
        func add(_ key: Int, _ answer: PaymentsFixture.Answer) {
          #expect(answer.status == 202)
          bodies[key, default: []].insert(answer.body)
          if answer.headers.first(name: "Idempotency-Replayed") == nil { firsts += 1 }
        }
        for number in 0..<count {
          if number >= PaymentsFixture.concurrency, let (key, answer) = try await group.next() { add(key, answer) }
          group.addTask {
            (number % keys, try await fixture.post("/payments", PaymentsFixture.body, key: "k\(number % keys)"))
          }
        }
        for try await (key, answer) in group { add(key, answer) }
      }
      #expect(bodies.count == keys)
      #expect(bodies.values.allSatisfy { $0.count == 1 })
      #expect(firsts == keys)
      #expect(try await PaymentStore.list(after: nil, limit: 1000, in: fixture.store.pool).count == keys)
      #expect(try await fixture.tasks(InitPayment.taskType).count == keys)
    }
  }

  @Test("A repetition gets the first answer, also when the payment has gone on; another body is refused")
  func replays() async throws {
    try await PaymentsFixture.with { fixture in
      let first = try await fixture.post("/payments", PaymentsFixture.body, key: "k")
      let payment = try first.json(Payment.self)
      #expect(first.headers.first(name: "Location") == "/payments/\(payment.id)")
      _ = try await fixture.finals([payment])
      // The same values in other words, and the key as the draft writes it.
      let reordered = #"{"currency":"EUR", "amount":100, "userId":"u", "description":""}"#
      let again = try await fixture.post("/payments", reordered, key: #""k""#)
      #expect(again.status == 202)
      #expect(again.body == first.body)
      #expect(again.headers.first(name: "Location") == "/payments/\(payment.id)")
      #expect(again.headers.first(name: "Idempotency-Replayed") == "true")
      let other = try await fixture.post("/payments", PaymentsFixture.body.replacing("100", with: "101"), key: "k")
      #expect(other.status == 422)
      #expect(other.problem == .keyReused)
    }
  }

  @Test("A key is needed")
  func rules() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let missing = try await fixture.post("/payments", PaymentsFixture.body)
      #expect(missing.problem == .missingIdempotencyKey)
      #expect(missing.status == 400)
      let malformed = try await fixture.post("/payments", PaymentsFixture.body, key: "a b")
      #expect(malformed.problem == .malformedRequest)
    }
  }

  @Test("A request that breaks a rule leaves its key free")
  func keyStaysFree() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let wrong = try await fixture.post("/payments", PaymentsFixture.body.replacing("100", with: "0"), key: "k")
      #expect(wrong.problem == .invalidFields)
      #expect(try await fixture.post("/payments", PaymentsFixture.body, key: "k").status == 202)
    }
  }

  @Test("The key, the payment, its history and its task are one commit: when one fails, none is there")
  func oneCommit() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let pool = fixture.store.pool
      // The last write of the transaction fails.
      try await pool.executeScript(
        "ALTER TABLE payments.idempotency_key ADD CONSTRAINT broken CHECK (status IS NULL)"
      )
      let failed = try await fixture.post("/payments", PaymentsFixture.body, key: "k")
      #expect(failed.problem == .internalError)
      for table in ["payments.payment", "payments.payment_event", "payments.idempotency_key", "taskqueue.task"] {
        #expect(try await pool.query("SELECT count(*) FROM \(table)")[0].int8(0) == 0, "\(table)")
      }
      try await pool.executeScript("ALTER TABLE payments.idempotency_key DROP CONSTRAINT broken")
      #expect(try await fixture.post("/payments", PaymentsFixture.body, key: "k").status == 202)
    }
  }

  @Test("A key is forgotten after its lifetime: it may be used anew, and is purged")
  func expires() async throws {
    let settings = PaymentsFixture.settings { $0.keyLifetime = .milliseconds(1) }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      for id in 1...2 {
        let answer = try await fixture.post("/payments", PaymentsFixture.body.replacing("100", with: "\(id)"), key: "k")
        #expect(answer.status == 202)
        #expect(answer.headers.first(name: "Idempotency-Replayed") == nil)
      }
      #expect(try await fixture.post("/payments", PaymentsFixture.body, key: "other").status == 202)
      #expect(try await IdempotencyStore.payments.purge(in: fixture.store.pool) == 2)
      #expect(try await IdempotencyStore.payments.purge(in: fixture.store.pool) == 0)
    }
  }
}
