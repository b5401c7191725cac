import Metrics

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a worker's schedules count.
final class ScheduleMetrics: Sendable {
  private let fired = MetricName.schedulesFired.counter()
  private let lateness = MetricName.scheduleLateness.timer()

  /// - Parameters:
  ///   - firings: what the store was asked to do.
  ///   - look: what it did. Where another worker was faster with some, it is not known with which: their lateness is the other's to tell.
  func note(_ firings: [ScheduleFiring], _ look: ScheduleLook) {
    guard look.firedCount > 0 else { return }
    fired.increment(by: look.firedCount)
    guard look.firedCount == firings.count else { return }
    for slot in firings.compactMap(\.slots.last) {
      lateness.recordNanoseconds(Int64(max(0, min(look.storeTime.timeIntervalSince(slot), 9e9)) * 1e9))
    }
  }
}
