import Metrics

/// What a worker's calls of the store count, its gauges, and its listener.
final class WorkerMetrics: Sendable {
  /// Kinds of calls, as metrics name them.
  enum Call: String, CaseIterable {
    case prepare, exchange
    /// A claim that begins at the front: behind the position, or by an idle worker.
    case look
    case openWriters = "open_writers"
    case renew, maintain
  }

  /// The gauges are told as often while something runs.
  static var interval: Duration { .seconds(1) }

  private let durations: [Call: Metrics.Timer]
  private let failures: [Call: Counter]
  private let claimed = MetricName.claimedCount.recorder()
  private let settled = MetricName.settledCount.recorder()
  private let reconnects = MetricName.listenerReconnects.counter()
  private let inFlight = GaugeSet(.inFlight)
  private let slots = MetricName.slots.gauge()

  init(slots: Int) {
    durations = Dictionary(
      uniqueKeysWithValues: Call.allCases.map { ($0, MetricName.storeCallDuration.timer($0.rawValue)) }
    )
    failures = Dictionary(
      uniqueKeysWithValues: Call.allCases.map { ($0, MetricName.storeFailures.counter($0.rawValue)) }
    )
    self.slots.record(slots)
  }

  func ended(_ call: Call, after duration: Duration, hasFailed: Bool) {
    durations[call]?.recordNanoseconds(duration.wholeNanoseconds)
    if hasFailed { failures[call]?.increment() }
  }

  /// - Parameters:
  ///   - settledCount: outcomes that were offered.
  ///   - claimedCount: nil: nothing was claimed.
  func exchanged(settledCount: Int, claimedCount: Int?) {
    if settledCount > 0 { settled.record(settledCount) }
    if let claimedCount { claimed.record(claimedCount) }
  }

  func reconnected() { reconnects.increment() }

  func running(_ counts: [TaskCount]) {
    inFlight.record(
      Dictionary(counts.map { ([$0.queue.rawValue, $0.type.rawValue], Double($0.count)) }, uniquingKeysWith: +)
    )
  }
}
