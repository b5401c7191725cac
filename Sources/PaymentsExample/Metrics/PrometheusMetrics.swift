import CoreMetrics
import Foundation
import Synchronization

/// A small backend for swift-metrics that shows everything in Prometheus' text format (0.0.4).
///
/// Counters and gauges are themselves; timers and aggregating recorders become histograms with fixed bounds, timers in
/// seconds. At most ``maxSeries`` series; what would be one more is dropped and counted.
package final class PrometheusMetrics: MetricsFactory {
  static let maxSeries = 10_000

  private let series = Mutex(PrometheusSeries(limit: maxSeries))

  package init() {}

  func increment(_ name: String, _ labels: [(String, String)] = [], by amount: Double = 1) {
    series.withLock { $0.add(amount, to: .init(name, labels), kind: .counter) }
  }

  func set(_ name: String, _ value: Int, _ labels: [(String, String)] = []) {
    series.withLock { $0.set(Double(value), to: .init(name, labels)) }
  }

  func record(_ name: String, _ duration: Duration, _ labels: [(String, String)] = []) {
    series.withLock { $0.observe(duration / .seconds(1), in: .init(name + "_seconds", labels)) }
  }

  /// All series, sorted.
  func text() -> String {
    series.withLock { $0.text }
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    handler(label, dimensions)
  }

  func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
    handler(label, dimensions)
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    handler(label, dimensions)
  }

  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    aggregate ? PrometheusHistogram(metrics: self, key: .init(label, dimensions)) : handler(label, dimensions)
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    PrometheusHistogram(metrics: self, key: .init(label + "_seconds", dimensions))
  }

  // The series stay: a scrape between two uses of an instrument must not lose them.
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  func destroyMeter(_ handler: any MeterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}

  package func change(_ change: @Sendable (inout PrometheusSeries) -> Void) {
    series.withLock { change(&$0) }
  }

  private func handler(_ label: String, _ dimensions: [(String, String)]) -> PrometheusValue {
    PrometheusValue(metrics: self, key: .init(label, dimensions))
  }
}

/// A timer, or a recorder that aggregates.
final class PrometheusHistogram: TimerHandler, RecorderHandler {
  private let metrics: PrometheusMetrics
  private let key: PrometheusSeries.Key

  init(metrics: PrometheusMetrics, key: PrometheusSeries.Key) {
    self.metrics = metrics
    self.key = key
  }

  func recordNanoseconds(_ duration: Int64) {
    record(Double(duration) / 1e9)
  }

  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) { metrics.change { [key] in $0.observe(value, in: key) } }
}

/// A counter, a meter or a gauge.
final class PrometheusValue: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
  private let metrics: PrometheusMetrics
  private let key: PrometheusSeries.Key

  init(metrics: PrometheusMetrics, key: PrometheusSeries.Key) {
    self.metrics = metrics
    self.key = key
  }

  func increment(by amount: Int64) {
    metrics.change { [key] in $0.add(Double(amount), to: key, kind: .counter) }
  }

  // A meter and a floating-point counter have this one in common. What goes up alone and what goes both ways differ only
  // in the type that is shown, and a gauge is always right.
  func increment(by amount: Double) {
    metrics.change { [key] in $0.add(amount, to: key, kind: .gauge) }
  }

  func decrement(by amount: Double) {
    metrics.change { [key] in $0.add(-amount, to: key, kind: .gauge) }
  }

  func set(_ value: Int64) { metrics.change { [key] in $0.set(Double(value), to: key) } }
  func set(_ value: Double) { metrics.change { [key] in $0.set(value, to: key) } }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }

  // A Prometheus counter never goes back.
  func reset() {}
}
