import Foundation

/// Compares two sets of books: pure, no clock, no network.
struct Reconciliation {
  let window: Range<Date>
  let now: Date
  /// A payment that changed within this time is still on its way: that we are behind means nothing yet.
  let grace: Duration

  /// - Parameters:
  ///   - ours: each once.
  ///   - theirs: each once; more than one may have the same reference.
  func compare(ours: [Payment], theirs: [ProviderPayment]) -> ReconciliationReport {
    var report = ReconciliationReport(since: window.lowerBound, until: window.upperBound)
    let byId = Dictionary(theirs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    let byReference = Dictionary(ours.map { ($0.reference, $0) }, uniquingKeysWith: { first, _ in first })
    for payment in ours { compare(payment, payment.providerId.flatMap { byId[$0] }, &report) }
    let known = Set(ours.compactMap(\.providerId))
    for entry in theirs where !known.contains(entry.id) {
      addOrphan(entry, of: entry.reference.flatMap { byReference[$0] }, &report)
    }
    return report
  }

  private func compare(_ payment: Payment, _ entry: ProviderPayment?, _ report: inout ReconciliationReport) {
    if let reason = payment.stopReason, !payment.status.isFinal {
      let detail = "stopped for a person: \(reason)"
      report.add(.init(kind: .different, paymentId: payment.id, providerId: payment.providerId, detail: detail))
      return
    }
    guard let id = payment.providerId else {
      // Never registered: right if it is final, on its way if not.
      if payment.status.isFinal {
        report.matched += 1
      } else {
        report.open += 1
        if isOld(payment) { report.add(.begin(payment.id)) }
      }
      return
    }
    func line(_ kind: ReconciliationReport.Kind, _ detail: String) -> ReconciliationReport.Line {
      .init(kind: kind, paymentId: payment.id, providerId: id, detail: detail)
    }
    guard let entry else {
      report.add(line(.missing, "\(payment.status) here, unknown there"), repair: .check(payment.id))
      return
    }
    let differences = self.differences(payment, entry)
    guard differences.isEmpty else {
      // Money that moved for a payment that has ended: the check notes it, and its order gets no second one.
      let isContradicted = payment.status.movedNothing && AfterDone.movedMoney(entry.status)
      let repair = isContradicted ? ReconciliationReport.Repair.check(payment.id) : nil
      report.add(line(.different, differences.joined(separator: ", ")), repair: repair)
      return
    }
    let status = PaymentStatus(entry.status)
    if payment.status == .done, status == .returned {
      report.add(line(.returned, "DONE here, RETURNED there"), repair: .check(payment.id))
      return
    }
    switch (payment.status.isFinal, status.isFinal) {
    case (true, true), (false, false):
      if payment.status.isFinal || status == payment.status { report.matched += 1 } else { report.open += 1 }
    case (false, true) where isOld(payment):
      report.add(line(.behind, "\(payment.status) here, \(status) there"), repair: .check(payment.id))
    case (true, false) where isOld(payment):
      // Only a payment that never was executed gets here; see `differences`.
      report.add(line(.behind, "\(payment.status) here, \(status) there"), repair: .cancel(payment.id))
    default:
      report.open += 1
    }
  }

  /// What can't be explained by one side being later than the other.
  private func differences(_ payment: Payment, _ entry: ProviderPayment) -> [String] {
    var differences = payment.differences(from: entry)
    let status = PaymentStatus(entry.status)
    // FAILED is also a word of ours for what the provider cancelled or never began. What comes back has a kind of its own.
    let isSame =
      payment.status == status || (payment.status.movedNothing && status.movedNothing)
      || (payment.status == .done && status == .returned)
    let isNotBegun = payment.status != .done && status == .initial
    if payment.status.isFinal, !isSame, !isNotBegun {
      differences.append("status \(payment.status) here, \(status) there")
    }
    return differences
  }

  private func addOrphan(_ entry: ProviderPayment, of payment: Payment?, _ report: inout ReconciliationReport) {
    let isHarmless = entry.status == .initial || PaymentStatus(entry.status).movedNothing
    let owner = payment.map { "a second one for payment \($0.id)" } ?? "for no payment of ours"
    let line = ReconciliationReport.Line(
      kind: isHarmless ? .orphanedHarmless : .orphanedExecuted,
      paymentId: payment?.id,
      providerId: entry.id,
      detail: "\(entry.status.rawValue) there, \(owner)"
    )
    // Not while our payment may still take it as its own.
    let isDroppable =
      payment.map { ($0.providerId != nil || $0.status.isFinal) && $0.differences(from: entry).isEmpty } ?? false
    report.add(line, repair: isDroppable && entry.status == .initial ? .drop(entry.id) : nil)
  }

  private func isOld(_ payment: Payment) -> Bool { isOld(payment.updatedAt) }

  func isOld(_ changedAt: Date) -> Bool {
    now.timeIntervalSince(changedAt) >= grace / .seconds(1)
  }
}
