import CoreMetrics

/// A timer, or a recorder that aggregates.
final class PrometheusHistogram: TimerHandler, RecorderHandler {
  private let metrics: PrometheusMetrics
  private let key: PrometheusSeries.Key

  init(metrics: PrometheusMetrics, key: PrometheusSeries.Key) {
    self.metrics = metrics
    self.key = key
  }

  func recordNanoseconds(_ duration: Int64) {
    self.record(Double(duration) / 1e9)
  }

  func record(_ value: Int64) { self.record(Double(value)) }
  func record(_ value: Double) { self.metrics.change { [key] in $0.observe(value, in: key) } }
}
