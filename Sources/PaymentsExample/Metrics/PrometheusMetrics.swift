import CoreMetrics
import Foundation
import Synchronization

/// A small backend for swift-metrics that shows everything in Prometheus' text format (0.0.4).
///
/// Counters and gauges are themselves; timers and aggregating recorders become histograms with fixed bounds, timers in
/// seconds. At most ``maxSeries`` series; what would be one more is dropped and counted.
final class PrometheusMetrics: MetricsFactory {
  static let maxSeries = 10_000

  private let series = Mutex(PrometheusSeries(limit: maxSeries))

  func increment(_ name: String, _ labels: [(String, String)] = [], by amount: Double = 1) {
    self.series.withLock { $0.add(amount, to: .init(name, labels), kind: .counter) }
  }

  func set(_ name: String, _ value: Int, _ labels: [(String, String)] = []) {
    self.series.withLock { $0.set(Double(value), to: .init(name, labels)) }
  }

  func record(_ name: String, _ duration: Duration, _ labels: [(String, String)] = []) {
    self.series.withLock { $0.observe(duration / .seconds(1), in: .init(name + "_seconds", labels)) }
  }

  /// All series, sorted.
  func text() -> String {
    self.series.withLock { $0.text }
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    self.handler(label, dimensions)
  }

  func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
    self.handler(label, dimensions)
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    self.handler(label, dimensions)
  }

  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    aggregate ? PrometheusHistogram(metrics: self, key: .init(label, dimensions)) : self.handler(label, dimensions)
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

  func change(_ change: @Sendable (inout PrometheusSeries) -> Void) {
    self.series.withLock { change(&$0) }
  }

  private func handler(_ label: String, _ dimensions: [(String, String)]) -> PrometheusValue {
    PrometheusValue(metrics: self, key: .init(label, dimensions))
  }
}
