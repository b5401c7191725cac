extension Reconciliation {
  /// Adds what a payment's refunds in both books show.
  func compare(_ refunds: PaymentRefunds, _ report: inout ReconciliationReport) {
    for refund in refunds.ours { compare(refund, refunds.entry(refund), refunds, &report) }
    // What the provider paid back of an orphan is in the orphan's own line.
    guard let payment = refunds.payment else { return }
    for entry in refunds.theirs where refunds.isWorthKnowing(entry) && !refunds.isKnown(entry) {
      let isPossible = refunds.isPossible(entry)
      let kind = isPossible ? ReconciliationReport.Kind.refundUnknown : .refundImpossible
      let name = "\(entry.isDispute ? "dispute" : "refund") \(ProviderText.plain(entry.id))"
      let detail = "\(entry.amount) \(refunds.currency) \(ProviderText.plain(entry.state)) there, \(name)"
      report.add(
        .init(
          kind: entry.isDispute ? kind.ofDispute : kind,
          paymentId: payment.id,
          providerId: refunds.providerId,
          detail: detail + (isPossible ? " unknown here" : " of a payment of \(payment.amount)")
        ),
        repair: isPossible ? .check(payment.id) : nil
      )
    }
    compareSums(refunds, payment, &report)
  }

  /// The sums that the provider shows with the payment need entries, and all refunds together are at most what was paid. Disputes may come on
  /// top of refunds.
  private func compareSums(_ refunds: PaymentRefunds, _ payment: Payment, _ report: inout ReconciliationReport) {
    func sum(_ isDispute: Bool) -> Int64 {
      refunds.theirs.filter { $0.isDispute == isDispute && refunds.isWorthKnowing($0) && refunds.isPossible($0) }
        .reduce(0) { $0 + $1.amount }
    }
    for (said, isDispute) in [(refunds.refunded, false), (refunds.disputed, true)] {
      let explained = sum(isDispute)
      let kind = isDispute ? ReconciliationReport.Kind.disputeImpossible : .refundImpossible
      func add(_ detail: String) {
        report.add(
          .init(kind: kind, paymentId: payment.id, providerId: refunds.providerId, detail: detail)
        )
      }
      // Each impossible entry has its own line, and may well be a part of the sum.
      let hasImpossible = refunds.theirs.contains {
        $0.isDispute == isDispute && refunds.isWorthKnowing($0) && !refunds.isPossible($0)
      }
      if !isDispute, explained > payment.amount {
        add("\(explained) \(refunds.currency) refunded there, of a payment of \(payment.amount)")
      } else if let said, said < 0 || said > explained, !hasImpossible {
        let what = isDispute ? "disputed" : "refunded"
        add("\(said) \(refunds.currency) \(what) there, and entries of \(explained)")
      }
    }
  }

  private func compare(
    _ refund: Refund,
    _ entry: ProviderRefund?,
    _ refunds: PaymentRefunds,
    _ report: inout ReconciliationReport
  ) {
    func line(_ kind: ReconciliationReport.Kind, _ detail: String) -> ReconciliationReport.Line {
      let detail = "\(refund.reference): \(detail)"
      let kind = refund.origin == .dispute ? kind.ofDispute : kind
      return .init(kind: kind, paymentId: refund.paymentId, providerId: refunds.providerId, detail: detail)
    }
    let asking = refund.origin == .caller ? ReconciliationReport.Repair.refund(refund.id) : .check(refund.paymentId)
    let again = refund.isFinal ? nil : asking
    guard let entry else {
      if refund.status == Refund.failed {
        report.refundsMatched += 1
      } else if refund.providerId != nil || refund.isFinal {
        report.add(line(.refundMissing, "\(refund.status) here, unknown there"), repair: again)
      } else if isOld(refund.updatedAt) {
        report.add(line(.refundBehind, "\(refund.status) here, not asked for there"), repair: again)
      } else {
        report.refundsOpen += 1
      }
      return
    }
    if entry.amount != refund.amount {
      report.add(line(.refundDifferent, "amount \(refund.amount) here, \(entry.amount) there"))
    } else if refund.isFinal, entry.state != refund.status {
      // Only what moved no money here and did there is for a person.
      let repair = refund.movedNothing || !entry.isFinal ? nil : ReconciliationReport.Repair.check(refund.paymentId)
      report.add(line(.refundDifferent, "status \(refund.status) here, \(entry.state) there"), repair: repair)
    } else if refund.isFinal {
      report.refundsMatched += 1
    } else if entry.isFinal, isOld(refund.updatedAt) {
      report.add(line(.refundBehind, "\(refund.status) here, \(entry.state) there"), repair: again)
    } else {
      report.refundsOpen += 1
    }
  }

  /// What the provider's books say about everything that isn't on its way to us: the ledger gets it.
  func bookEntries(ours: [Payment], theirs: [ProviderPayment], refunds: [PaymentRefunds]) -> [BookEntry] {
    var byProviderId: [String: Payment] = [:]
    for payment in ours { if let id = payment.providerId { byProviderId[id] = payment } }
    let byReference = Dictionary(ours.map { ($0.reference, $0) }, uniquingKeysWith: { first, _ in first })
    var entries: [BookEntry] = []
    for entry in theirs {
      let owner = byProviderId[entry.id]
      if let owner, !owner.status.isFinal, !isOld(owner.updatedAt) { continue }
      if let book = BookEntry.payment(entry, of: owner ?? entry.reference.flatMap { byReference[$0] }) {
        entries.append(book)
      }
    }
    for refunds in refunds {
      for entry in refunds.theirs where refunds.isPossible(entry) {
        let refund = refunds.own(entry)
        if let refund, !refund.isFinal, !isOld(refund.updatedAt) { continue }
        entries.append(.refund(entry, of: refunds.payment, as: refund, currency: refunds.currency))
      }
    }
    return entries
  }
}
