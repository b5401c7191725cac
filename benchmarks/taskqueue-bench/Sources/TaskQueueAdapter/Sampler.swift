import Foundation
import ServiceLifecycle

/// Writes the figures at each multiple of the interval by the wall clock, so that those of all systems lie side by
/// side, and once more at the end.
struct Sampler: Service {
  let settings: AdapterSettings
  let meter: Meter

  func run() async throws {
    var last = meter.totals
    var lastTime = ContinuousClock.now
    var boundary = 0.0
    var isRunning = true
    while isRunning {
      boundary = nextBoundary(after: boundary)
      let wait = boundary - Date().timeIntervalSince1970
      // Cancelled: by the shutdown. The producer and the worker have ended by then: the last sample has everything.
      isRunning = await cancelWhenGracefulShutdown { (try? await Task.sleep(for: .seconds(max(0, wait)))) != nil }
      let now = ContinuousClock.now
      let totals = meter.totals
      try write(from: last, to: totals, in: lastTime.duration(to: now) / .seconds(1))
      (last, lastTime) = (totals, now)
    }
  }

  /// Seconds since 1970. The clock may be set back, and a sleep may end early: a boundary comes once.
  private func nextBoundary(after last: Double) -> Double {
    let interval = Double(settings.sampleSeconds)
    return max(last + interval, ((Date().timeIntervalSince1970 / interval).rounded(.down) + 1) * interval)
  }

  /// - Parameter window: seconds; a rate times its window is a number of jobs.
  private func write(from last: Meter.Totals, to totals: Meter.Totals, in window: Double) throws {
    let time = AdapterOutput.time(Date())
    func write(_ metric: String, _ value: Double, _ window: Double = 0) throws {
      try AdapterOutput.write(
        SampleLine(time: time, instance: settings.instance, metric: metric, value: value, window: window)
      )
    }
    func write(_ metric: String, _ percentiles: LatencyWindow.Percentiles?) throws {
      // A window without any says nothing, not 0 ms.
      guard let percentiles else { return }
      let window = Double(LatencyWindow.seconds)
      try write("\(metric)_p50_ms", percentiles.p50, window)
      try write("\(metric)_p95_ms", percentiles.p95, window)
      try write("\(metric)_p99_ms", percentiles.p99, window)
    }
    let claims = meter.claims.percentiles()
    try write("claim", claims)
    try write("subscriber", claims)
    try write("producer_call", meter.enqueues.percentiles())
    if window > 0 {
      try write("enqueue_rate", Double(totals.enqueued - last.enqueued) / window, window)
      try write("completion_rate", Double(totals.completed - last.completed) / window, window)
    }
    guard settings.isObserver else { return }
    try write("producer_target_rate", Double(meter.targetRate))
    if let depth = meter.depth {
      try write("queue_depth", Double(depth.due))
      try write("running_depth", Double(depth.running))
      try write("scheduled_depth", Double(depth.waiting))
      try write("total_backlog", Double(depth.due + depth.running + depth.waiting))
    }
  }
}
