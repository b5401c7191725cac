import Synchronization

/// Durations of the last 30 seconds: one histogram per second, the oldest one used again.
final class LatencyWindow: Sendable {
  static let seconds = 30

  struct Percentiles: Hashable {
    /// Milliseconds.
    var p50, p95, p99: Double
  }

  private struct Slot {
    var second = Int64.min
    var histogram = LatencyHistogram()
  }

  private let slots = Mutex([Slot](repeating: Slot(), count: LatencyWindow.seconds))
  private let start = ContinuousClock.now

  func record(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let microseconds = UInt64(max(0, seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
    let second = currentSecond
    slots.withLock { slots in
      let index = Int(second) % Self.seconds
      if slots[index].second != second {
        slots[index].second = second
        slots[index].histogram.removeAll()
      }
      slots[index].histogram.record(microseconds: microseconds)
    }
  }

  /// nil: there were none.
  func percentiles() -> Percentiles? {
    let oldest = currentSecond - Int64(Self.seconds)
    let recent = slots.withLock { slots in
      slots.reduce(into: LatencyHistogram()) { if $1.second > oldest, $1.histogram.total > 0 { $0.add($1.histogram) } }
    }
    guard let p50 = recent.microseconds(at: 0.5), let p95 = recent.microseconds(at: 0.95),
      let p99 = recent.microseconds(at: 0.99)
    else { return nil }
    return Percentiles(p50: Double(p50) / 1_000, p95: Double(p95) / 1_000, p99: Double(p99) / 1_000)
  }

  private var currentSecond: Int64 { start.duration(to: .now).components.seconds }
}
