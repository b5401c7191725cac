import Foundation

/// What comparing our books with the provider's found.
struct ReconciliationReport: Codable, Equatable, Sendable {
  /// The most lines that are kept; the counts go on.
  static let maxLines = 1000

  /// What `payments reconcile` ends with.
  enum ExitStatus: Int32, Sendable {
    case clean = 0
    case different = 1
    case notCompared = 2
  }

  enum Kind: String, Codable, CaseIterable, Sendable {
    /// We have the provider's id, the provider doesn't know it.
    case missing
    /// The provider moved money, or may have, for a payment that isn't the one we stand by.
    case orphanedExecuted = "orphaned-executed"
    /// Amount, currency or final status differ.
    case different
    /// Final at the provider for longer than the grace time, and we haven't looked.
    case behind
    /// Registered at the provider, never executed, and never will be.
    case orphanedHarmless = "orphaned-harmless"

    /// Whether somebody has to look at it.
    var isDifference: Bool { self != .orphanedHarmless }
  }

  /// What brings the books together again without moving money.
  enum Repair: Codable, Equatable, Hashable, Sendable {
    /// Ask the provider about our payment.
    case check(Int64)
    /// Register our payment, if that got stuck.
    case begin(Int64)
    /// Tell the provider of a payment that we cancelled.
    case cancel(Int64)
    /// Drop the provider's payment with this id.
    case drop(String)
  }

  struct Line: Codable, Equatable, Sendable {
    var kind: Kind
    var paymentId: Int64?
    var providerId: String?
    var detail: String
  }

  var since: Date
  var until: Date
  /// Payments on which both agree.
  var matched = 0
  /// Payments that are on their way: nothing to compare yet.
  var open = 0
  private(set) var found: [String: Int] = [:]
  /// At most ``maxLines``.
  private(set) var lines: [Line] = []
  /// At most ``maxLines``.
  private(set) var repairs: [Repair] = []

  init(since: Date, until: Date) {
    self.since = since
    self.until = until
    for kind in Kind.allCases { self.found[kind.rawValue] = 0 }
  }

  mutating func add(_ line: Line, repair: Repair? = nil) {
    self.found[line.kind.rawValue, default: 0] += 1
    if self.lines.count < Self.maxLines { self.lines.append(line) }
    if let repair { self.add(repair) }
  }

  mutating func add(_ repair: Repair) {
    if self.repairs.count < Self.maxLines { self.repairs.append(repair) }
  }

  func count(_ kind: Kind) -> Int {
    self.found[kind.rawValue] ?? 0
  }

  /// Nobody has to look at anything.
  var isClean: Bool {
    Kind.allCases.allSatisfy { !$0.isDifference || self.count($0) == 0 }
  }

  /// Every count, by name.
  var counts: [(kind: String, count: Int)] {
    [("matched", self.matched), ("open", self.open)] + Kind.allCases.map { ($0.rawValue, self.count($0)) }
  }
}
