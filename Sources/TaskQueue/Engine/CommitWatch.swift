#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Remembers which transactions were storing tasks, so that what they commit behind the ``ScanPosition`` is found without
/// looking at everything. Pure.
///
/// A task's due time is not before its transaction's first write. So whatever came late lies behind the time of the look
/// before the one that first saw its transaction.
struct CommitWatch: Sendable {
  /// Transactions that take longer than this from storing a task to their commit may be seen.
  static var interval: Duration { .milliseconds(250) }

  /// Before which none of the writer's tasks is due.
  private var since: [OpenWriters.ID: Date] = [:]
  private var lookedAt: Date?

  /// Takes over what a look brought.
  ///
  /// - Returns: from which due time on tasks may have come since the last look; nil: this was the first one.
  mutating func note(_ writers: OpenWriters) -> Date? {
    // Of the transactions that were under way before the first look nothing is known.
    let unseenSince = lookedAt.map { $0 - ScanPosition.commitWindow / .seconds(1) } ?? .distantPast
    let ended = since.filter { !writers.ids.contains($0.key) }
    since = Dictionary(uniqueKeysWithValues: writers.ids.map { ($0, since[$0] ?? unseenSince) })
    defer { lookedAt = writers.at }
    guard lookedAt != nil else { return nil }
    return min(ended.values.min() ?? unseenSince, unseenSince)
  }
}
