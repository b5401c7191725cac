import Libpq
import Synchronization
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("The ledger under concurrency")
struct LedgerConcurrencyTests {
  private static let many = 50

  /// What the sessions of a test tell one another.
  private final class Progress: Sendable {
    private let count = Mutex(0)
    private let isOver = Mutex(false)

    var steps: Int { count.withLock { $0 } }
    var isDone: Bool { isOver.withLock { $0 } }

    func step() { count.withLock { $0 += 1 } }
    func end() { isOver.withLock { $0 = true } }
  }

  @Test("50 open transactions write to the same accounts, and none waits for another")
  func noHotRow() async throws {
    try await LedgerFixture.with(connections: Self.many + 1) { ledger in
      // The accounts are there already, as they are for all payments but the first.
      _ = try await ledger.pay()
      var payments: [String] = []
      for _ in 1...Self.many { payments.append(try await ledger.create()) }
      let written = Progress()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for payment in payments {
          group.addTask {
            try await ledger.pool.withTransaction { transaction in
              _ = try await transaction.query(LedgerFixture.hold, [.unknown(payment)])
              _ = try await transaction.query(LedgerFixture.finish, [.unknown(payment), .text("DONE")])
              written.step()
              // With one hot row nobody would get here but the first.
              try await eventually("all have written") { written.steps == Self.many }
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await ledger.balances() == ["user:u EUR": "-5100", "clearing:provider EUR": "5100"])
      #expect(try await ledger.check().isEmpty)
    }
  }

  @Test("Many who need the same new accounts at once all get them")
  func newAccounts() async throws {
    try await LedgerFixture.with(connections: 16) { ledger in
      for currency in ["EUR", "USD", "JPY"] {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<32 { group.addTask { _ = try await ledger.pay("u\(number % 3)", currency: currency) } }
          try await group.waitForAll()
        }
      }
      #expect(try await LedgerStore.balances(in: ledger.pool).count == 3 * 5)
      #expect(try await ledger.check().isEmpty)
    }
  }

  @Test("Balances are right at every moment while they are written and folded, by two at once")
  func folds() async throws {
    try await LedgerFixture.with(connections: 16) { ledger in
      let looks = Progress()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 1...2 {
          group.addTask {
            while !looks.isDone {
              _ = try await ledger.pool.query("SELECT payments.ledger_fold(7)")
            }
          }
        }
        group.addTask {
          while !looks.isDone {
            let differences = try await ledger.check()
            #expect(differences.isEmpty)
            looks.step()
          }
        }
        try await withThrowingTaskGroup(of: Void.self) { writers in
          for writer in 0..<6 {
            writers.addTask { for _ in 1...25 { _ = try await ledger.pay("u\(writer % 2)") } }
          }
          try await writers.waitForAll()
        }
        looks.end()
        try await group.waitForAll()
      }
      #expect(looks.steps > 0)
      while try await LedgerStore.fold(in: ledger.pool) > 0 {}
      let balances = try await LedgerStore.balances(in: ledger.pool)
      #expect(balances.allSatisfy { $0.unfolded == 0 })
      #expect(balances.reduce(0) { $0 + $1.entries } == 6 * 25 * 4)
      #expect(try await ledger.pool.query("SELECT count(*) FROM payments.balance")[0].int8(0) == Int64(balances.count))
      #expect(try await ledger.balances()["clearing:provider EUR"] == "15000")
      #expect(try await ledger.check().isEmpty)
    }
  }

  @Test("A session that is killed midway leaves nothing, and the payment's next one writes it all")
  func killedSession() async throws {
    try await LedgerFixture.with { ledger in
      let payment = try await ledger.create()
      do {
        try await ledger.pool.withTransaction { transaction in
          _ = try await transaction.query(LedgerFixture.hold, [.unknown(payment)])
          let process = transaction.backendProcessID
          _ = try await ledger.pool.query("SELECT pg_terminate_backend($1)", [.int4(process)])
          _ = try await transaction.query(LedgerFixture.finish, [.unknown(payment), .text("DONE")])
        }
        Issue.record("the session lives")
      } catch is LibpqError {}
      #expect(try await ledger.phases(payment).isEmpty)
      #expect(try await ledger.check().isEmpty)
      try await ledger.hold(payment)
      try await ledger.finish(payment)
      #expect(try await ledger.phases(payment) == ["pending", "posted"])
      #expect(try await ledger.check().isEmpty)
    }
  }
}
