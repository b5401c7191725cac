extension ReconciliationReport {
  /// A line for each clearing account that doesn't end at 0, leaving out what no comparison has found yet.
  mutating func add(clearing: [ClearingBalance]) {
    self.clearing = clearing
    for account in clearing where account.differing != 0 {
      let difference = account.difference.text(account.currency)
      let detail = "\(account.account): \(difference) \(account.currency) left over, \(account.differing) differ"
      add(Line(kind: .clearing, detail: detail))
    }
  }

  mutating func add(ledger differences: [LedgerDifference]) {
    for difference in differences {
      add(Line(kind: .ledger, detail: "\(difference.problem): \(difference.subject), \(difference.detail)"))
    }
  }
}
