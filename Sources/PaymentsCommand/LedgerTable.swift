import PaymentsExample
import PaymentsLab

/// The ledger for the screen.
enum LedgerTable {
  /// Accounts that are shown unless told otherwise.
  static let maxAccounts = 50

  /// Balances, and below them the sum of all accounts in each currency.
  static func lines(_ balances: [LedgerBalance], sums: [LedgerBalance]) -> [String] {
    func row(_ balance: LedgerBalance) -> [String] {
      [
        balance.account, balance.currency, balance.amount.text(balance.currency), "\(balance.entries)",
        "\(balance.unfolded)",
      ]
    }
    let table = TextTable(
      header: ["account", "currency", "balance", "entries", "not folded"],
      rows: balances.map(row) + sums.map(row),
      rightAligned: [2, 3, 4]
    ).lines
    var lines = table
    if !sums.isEmpty, let rule = table.dropFirst().first {
      lines.insert(rule, at: table.count - sums.count)
    }
    return lines + [""]
  }

  /// The postings of one payment; the transfer's columns stand in its first line only.
  static func lines(_ postings: [LedgerPosting], payment: String) -> [String] {
    guard !postings.isEmpty else { return ["The ledger has nothing of payment \(payment).", ""] }
    var last: Int64?
    let rows = postings.map { posting in
      let isFirst = posting.transfer != last
      last = posting.transfer
      let head = [
        "\(posting.transfer)", posting.phase.rawValue, subject(posting), posting.follows.map { "\($0)" } ?? "",
        RFC3339.text(posting.at),
      ]
      return (isFirst ? head : head.map { _ in "" })
        + [posting.account, posting.amount.text(posting.currency), posting.currency]
    }
    return TextTable(
      header: ["transfer", "phase", "of", "follows", "at", "account", "amount", "currency"],
      rows: rows,
      rightAligned: [0, 3, 6]
    ).lines + [""]
  }

  static func lines(_ differences: [LedgerDifference]) -> [String] {
    guard !differences.isEmpty else { return ["The ledger is right."] }
    let rows = differences.map { [$0.problem, $0.subject, $0.detail] }
    return TextTable(header: ["what is wrong", "where", "how"], rows: rows).lines + ["", "The ledger is wrong."]
  }

  private static func subject(_ posting: LedgerPosting) -> String {
    let subject = posting.refund.map { "refund \($0)" } ?? "payment"
    return posting.isOpening ? subject + ", opening" : subject
  }
}
