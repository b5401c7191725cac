package import Foundation
package import Libpq

/// Reads both books of one provider over a window and compares them, and writes what the provider's say into the ledger. Payments that
/// are with others are in other books.
package struct ReconciliationRun: Sendable {
  /// Payments of each side that one run takes into memory.
  static let maxPayments = 200_000
  /// Payments asked for one by one at the same time.
  package static let concurrency = 8
  static let pageSize = 1000
  /// One after the other, of a provider's list: it only seems to go on.
  static let maxEmptyPages = 100
  package static let defaultGrace = Duration.seconds(60)
  /// Payments that nothing can be read of, before it is rather the provider that fails.
  package static let maxUnread = 50
  /// How often a question is asked that gets no answer.
  package static let maxTries = 8
  /// Before it is asked again; doubles.
  private static let firstPause = Duration.milliseconds(50)

  /// What can't be read of the provider's books.
  struct Unread: Sendable {
    /// Our reference, or the provider's id.
    var name: String
    var reason: String
  }

  package let database: LibpqPool
  package let provider: any PaymentProvider
  /// As payments and the ledger have it.
  package let providerName: String

  package init(
    database: LibpqPool,
    provider: any PaymentProvider,
    providerName: String = PaymentProviders.defaultName
  ) {
    self.database = database
    self.provider = provider
    self.providerName = providerName
  }

  /// - Throws: ``CommandError`` if the window holds more than ``maxPayments``; what the provider and the database throw.
  package func report(
    _ window: Range<Date>,
    grace: Duration = ReconciliationRun.defaultGrace,
    now: Date = Date()
  ) async throws -> ReconciliationReport {
    // Ours first: what changes meanwhile, changes at the provider later than here, and looks open, not wrong.
    var ours = try await self.ours(window)
    var theirs: [String: ProviderPayment] = [:]
    var unread: [Unread] = []
    if let listed = try await self.listed(window) {
      for entry in listed { theirs[entry.id] = entry }
      ours += try await others(ours, listed)
    } else {
      for entry in try await byReference(ours, &unread) { theirs[entry.id] = entry }
    }
    let silent = Set(unread.map(\.name))
    let unseen = ours.filter { !silent.contains($0.reference) }.compactMap(\.providerId).filter { theirs[$0] == nil }
    for entry in try await byId(unseen, &unread) { theirs[entry.id] = entry }
    for (id, entry) in theirs {
      guard let fault = entry.fault else { continue }
      theirs[id] = nil
      unread.append(Unread(name: id, reason: fault))
    }
    let hidden = Set(unread.map(\.name))
    let compared = ours.filter { !hidden.contains($0.reference) && $0.providerId.map(hidden.contains) != true }
    let entries = theirs.values.sorted { $0.id < $1.id }
    let refunds = try await self.refunds(window, compared, entries, &unread)
    let comparison = Reconciliation(window: window, now: now, grace: grace)
    var report = comparison.compare(ours: compared, theirs: entries)
    report.provider = providerName
    let names = ours.flatMap { payment in [payment.reference, payment.providerId ?? ""].map { ($0, payment.id) } }
    let owners = Dictionary(names, uniquingKeysWith: { first, _ in first })
    for unread in unread {
      let id = ProviderText.plain(unread.name)
      report.add(.init(kind: .notCompared, paymentId: owners[unread.name], providerId: id, detail: unread.reason))
    }
    for refunds in refunds { comparison.compare(refunds, &report) }
    report.settled = try await LedgerStore.settle(
      comparison.bookEntries(ours: ours, theirs: entries, refunds: refunds),
      of: providerName,
      in: database
    )
    report.add(clearing: try await LedgerStore.clearing(of: providerName, since: window.lowerBound, in: database))
    report.add(ledger: try await LedgerStore.check(since: window.lowerBound, in: database))
    return report
  }

  private func ours(_ window: Range<Date>) async throws -> [Payment] {
    var payments: [Payment] = []
    while true {
      let page = try await PaymentStore.all(
        """
        SELECT \(PaymentStore.columns) FROM payments.payment
        WHERE created_at >= $1 AND created_at < $2 AND provider = $5
          AND ($3::uuid IS NULL OR (created_at, id) > (SELECT created_at, id FROM payments.payment WHERE id = $3))
        ORDER BY created_at, id LIMIT $4
        """,
        [
          .timestamptz(window.lowerBound), .timestamptz(window.upperBound),
          payments.last.map { .id($0.id) } ?? .null, .int8(Int64(Self.pageSize)), .text(providerName),
        ],
        in: database
      )
      payments += page
      try checkSize(payments.count)
      if page.count < Self.pageSize { return payments }
    }
  }

  /// nil: the provider has no such list.
  private func listed(_ window: Range<Date>) async throws -> [ProviderPayment]? {
    guard provider.capabilities.contains(.lists) else { return nil }
    var entries: [ProviderPayment] = []
    var cursor: String?
    var emptyPages = 0
    repeat {
      do {
        let page = try await patiently { try await provider.payments(in: window, after: cursor) }
        entries += page.payments
        emptyPages = page.payments.isEmpty ? emptyPages + 1 : 0
        guard page.next == nil || page.next != cursor && emptyPages < Self.maxEmptyPages else {
          throw CommandError("The provider's list has no end.")
        }
        cursor = page.next
      } catch let error as ProviderError where error.code == .unsupported {
        return nil
      }
      try checkSize(entries.count)
    } while cursor != nil
    return entries
  }

  /// Ours that the provider has in this window, and we in another.
  private func others(_ ours: [Payment], _ listed: [ProviderPayment]) async throws -> [Payment] {
    let known = Set(ours.map(\.id))
    let ids = Array(Set(listed.compactMap { $0.reference.flatMap { PaymentID($0) } }).subtracting(known))
    var others: [Payment] = []
    for start in stride(from: 0, to: ids.count, by: Self.pageSize) {
      let page = Array(ids[start..<min(start + Self.pageSize, ids.count)])
      others += try await PaymentStore.find(page, in: database).filter { $0.provider == providerName }
    }
    return others
  }

  /// What a provider shows that passes over the reference is somebody else's.
  private func byReference(_ payments: [Payment], _ unread: inout [Unread]) async throws -> [ProviderPayment] {
    try await asked(payments.map(\.reference), &unread) { reference in
      try await provider.payments(reference: reference).filter { $0.reference == reference }
    }
  }

  private func byId(_ ids: [String], _ unread: inout [Unread]) async throws -> [ProviderPayment] {
    try await asked(ids, &unread) { id in
      do {
        return [try await provider.payment(id: id)]
      } catch let error as ProviderError where error.code == .unknownPayment {
        return []
      }
    }
  }

  /// Asks for each by itself. One that gets no answer keeps no other from it.
  /// - Throws: what wasn't even sent, and the last of more than ``maxUnread`` failures: that says nothing about one payment.
  func asked<Entry: Sendable>(
    _ names: [String],
    _ unread: inout [Unread],
    _ ask: @escaping @Sendable (String) async throws -> [Entry]
  ) async throws -> [Entry] {
    let (found, failed) = try await withThrowingTaskGroup(of: (String, Result<[Entry], any Error>).self) { group in
      var (found, failed): ([Entry], [Unread]) = ([], [])
      func take(_ name: String, _ answer: Result<[Entry], any Error>) throws {
        do { found += try answer.get() } catch {
          let isUnsent = (error as? ProviderError)?.code == .unsent
          if isUnsent || error is CancellationError || failed.count == Self.maxUnread { throw error }
          failed.append(Unread(name: name, reason: PaymentTrouble.text(error)))
        }
      }
      for (index, name) in names.enumerated() {
        if index >= Self.concurrency, let (name, answer) = try await group.next() { try take(name, answer) }
        group.addTask {
          do { return (name, .success(try await patiently { try await ask(name) })) } catch {
            return (name, .failure(error))
          }
        }
      }
      for try await (name, answer) in group { try take(name, answer) }
      return (found, failed)
    }
    unread += failed
    return found
  }

  /// Everything here is a question: repeating it does no harm, and there are thousands.
  private func patiently<Value>(_ ask: () async throws -> Value) async throws -> Value {
    var pause = Self.firstPause
    for _ in 1..<Self.maxTries {
      do {
        return try await ask()
      } catch let error as ProviderError where ![.unexpectedStatus, .unanswered, .unsent].contains(error.code) {
        throw error
      } catch {
        try await Task.sleep(for: pause)
        pause *= 2
      }
    }
    return try await ask()
  }

  func checkSize(_ count: Int) throws {
    guard count <= Self.maxPayments else {
      throw CommandError("The window holds more than \(Self.maxPayments) payments; choose a narrower one.")
    }
  }
}
