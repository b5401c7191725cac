import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A position as the ranges of the function `_claim`: before the first remembered priority everything, then behind each
/// remembered place up to the next remembered priority, so that every priority is covered.
struct ScanRanges {
  private var firsts: [Int32] = []
  private var lasts: [Int32] = []
  private var priorities: [Int32] = []
  private var dueTimes: [Date] = []
  private var ids: [Int64] = []
  private var ends: [Int32] = []
  private let rescans: Bool

  /// Beyond every `smallint`.
  private static let lowest = Int32(Int16.min) - 1
  private static let highest = Int32(Int16.max) + 1

  init(queues: [QueueName], scope: ClaimRequest.Scope) {
    let position: ScanPosition
    switch scope {
    case .everything: (position, rescans) = (ScanPosition(), false)
    case .after(let start): (position, rescans) = (start, false)
    case .rescan(let start): (position, rescans) = (start, true)
    }
    for queue in queues {
      let bounds = position.bounds(of: queue)
      firsts.append(Int32(priorities.count + 1))
      append(Self.lowest, .distantPast, 0, until: bounds.first.map { Int32($0.priority) } ?? Self.highest)
      for (index, bound) in bounds.enumerated() {
        let next = index + 1 < bounds.count ? Int32(bounds[index + 1].priority) : Self.highest
        append(Int32(bound.priority), bound.dueAt, bound.id.rawValue, until: next)
      }
      lasts.append(Int32(priorities.count))
    }
  }

  private mutating func append(_ priority: Int32, _ dueAt: Date, _ id: Int64, until end: Int32) {
    priorities.append(priority)
    dueTimes.append(dueAt)
    ids.append(id)
    ends.append(end)
  }

  var parameters: [LibpqValue] {
    [
      .int4Array(firsts), .int4Array(lasts), .int4Array(priorities), .timestamptzArray(dueTimes), .int8Array(ids),
      .int4Array(ends), .bool(rescans),
    ]
  }

  /// Up to when everything due was made ready before.
  static func promotedUntil(_ scope: ClaimRequest.Scope) -> Date {
    guard case .after(let position) = scope else { return .distantPast }
    return position.promotedUntil ?? .distantPast
  }
}
