import ArgumentParser
import Foundation
import Libpq
import Logging
import PaymentsExample

/// `payments ledger`: what every account holds, and whether the ledger is right.
struct LedgerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger",
    abstract: "Print the ledger's balances, or the postings of one payment, and look for what is wrong.",
    discussion: """
      Exit status 0: the ledger is right. 1: it contradicts itself or the payments. Anything else: it could not be read. Looking for what is \
      wrong reads the whole ledger.
      """
  )

  @Option(help: "URI or keyword string for libpq. Empty: the PG* environment variables and libpq's defaults.")
  var databaseURL = ""

  @Option(help: "Print the postings of the payment with this id.")
  var payment: String?

  @Option(help: "Accounts that are shown at most.")
  var limit = LedgerTable.maxAccounts

  func validate() throws {
    guard (1...LedgerStore.maxRows).contains(limit) else {
      throw ValidationError("--limit is between 1 and \(LedgerStore.maxRows).")
    }
  }

  func run() async throws {
    let pool = LibpqPool(LibpqConfiguration(databaseURL), maxConnections: 1)
    let differences: [LedgerDifference]
    do {
      for line in try await lines(pool) { print(line) }
      differences = try await LedgerStore.check(in: pool)
    } catch {
      await pool.close()
      Log.make("ledger").error("the ledger can't be read", metadata: ["error": "\(error)"])
      throw ExitCode(2)
    }
    await pool.close()
    for line in LedgerTable.lines(differences) { print(line) }
    guard differences.isEmpty else { throw ExitCode(1) }
  }

  private func lines(_ pool: LibpqPool) async throws -> [String] {
    if let payment {
      return LedgerTable.lines(try await LedgerStore.postings(of: payment, in: pool), payment: payment)
    }
    return LedgerTable.lines(
      try await LedgerStore.balances(limit: limit, in: pool),
      sums: try await LedgerStore.sums(in: pool)
    )
  }
}
