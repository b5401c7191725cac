#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How long the queues are.
final class DepthMetrics: Sendable {
  private let depths = GaugeSet(.depth)
  private let ages = GaugeSet(.oldestDue)

  /// - Parameter overview: nil: it is another worker's to tell.
  func record(_ overview: QueueOverview?) {
    var depths: [[String]: Double] = [:]
    var ages: [[String]: Double] = [:]
    for queue in overview?.queues ?? [] {
      let name = queue.queue.rawValue
      for (state, count) in queue.countsByState { depths[[name, state]] = Double(count.value) }
      let age = queue.oldestDueAt.flatMap { oldest in overview.map { $0.at.timeIntervalSince(oldest) } }
      ages[[name]] = max(0, age ?? 0)
    }
    self.depths.record(depths)
    self.ages.record(ages)
  }
}

extension QueueSummary {
  fileprivate var countsByState: [(state: String, count: BoundedCount)] {
    [("due", due), ("limited", limited), ("running", running), ("waiting", waiting), ("dead", dead)]
  }
}
