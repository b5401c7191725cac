import CoreMetrics

/// A counter, a meter or a gauge.
final class PrometheusValue: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
  private let metrics: PrometheusMetrics
  private let key: PrometheusSeries.Key

  init(metrics: PrometheusMetrics, key: PrometheusSeries.Key) {
    self.metrics = metrics
    self.key = key
  }

  func increment(by amount: Int64) {
    self.metrics.change { [key] in $0.add(Double(amount), to: key, kind: .counter) }
  }

  // A meter and a floating-point counter have this one in common. What goes up alone and what goes both ways differ only
  // in the type that is shown, and a gauge is always right.
  func increment(by amount: Double) {
    self.metrics.change { [key] in $0.add(amount, to: key, kind: .gauge) }
  }

  func decrement(by amount: Double) {
    self.metrics.change { [key] in $0.add(-amount, to: key, kind: .gauge) }
  }

  func set(_ value: Int64) { self.metrics.change { [key] in $0.set(Double(value), to: key) } }
  func set(_ value: Double) { self.metrics.change { [key] in $0.set(value, to: key) } }
  func record(_ value: Int64) { self.set(value) }
  func record(_ value: Double) { self.set(value) }

  // A Prometheus counter never goes back.
  func reset() {}
}
