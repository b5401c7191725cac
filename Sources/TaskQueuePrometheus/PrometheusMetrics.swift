public import CoreMetrics
import TaskQueue

/// A backend for swift-metrics that shows everything as Prometheus reads it: text format 0.0.4, for a path such as `/metrics`.
///
/// ```swift
/// let metrics = PrometheusMetrics()
/// MetricsSystem.bootstrap(metrics)
/// router.get("metrics") { _, _ in
///   Response(status: .ok, headers: [.contentType: PrometheusMetrics.contentType], body: .init(byteBuffer: .init(string: metrics.text())))
/// }
/// ```
///
/// Counters get the suffix `_total` if they have none. Timers are histograms in seconds with the suffix `_seconds`, aggregating recorders are
/// histograms, everything else is a gauge. Names and labels are made fit for the format. A series stays once it is there, so a scrape between two uses of
/// an instrument does not lose it; there are at most ``PrometheusOptions/maxSeries`` of them, and `metrics_dropped_total` counts the instruments
/// that were not taken. To record costs a lock of the series' own.
public final class PrometheusMetrics: MetricsFactory {
  /// Of ``text()``.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private let registry: PrometheusRegistry

  public init(options: PrometheusOptions = .init()) {
    registry = PrometheusRegistry(options)
  }

  /// All series, sorted by name and labels.
  public func text() -> String { registry.text() }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    counter(label, dimensions) ?? NOOPMetricsHandler.instance
  }

  public func makeFloatingPointCounter(
    label: String,
    dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    counter(label, dimensions) ?? NOOPMetricsHandler.instance
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    gauge(label, dimensions) ?? NOOPMetricsHandler.instance
  }

  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    guard aggregate else { return gauge(label, dimensions) ?? NOOPMetricsHandler.instance }
    return histogram(label, label, dimensions, isTimer: false) ?? NOOPMetricsHandler.instance
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    histogram(label.ending(in: "_seconds"), label, dimensions, isTimer: true) ?? NOOPMetricsHandler.instance
  }

  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  private func counter(_ label: String, _ dimensions: [(String, String)]) -> PrometheusCounter? {
    let name = label.ending(in: "_total")
    return registry.series(name, help: label, dimensions, .counter) { PrometheusCounter() } as? PrometheusCounter
  }

  private func gauge(_ label: String, _ dimensions: [(String, String)]) -> PrometheusGauge? {
    registry.series(label, help: label, dimensions, .gauge) { PrometheusGauge() } as? PrometheusGauge
  }

  private func histogram(
    _ name: String,
    _ label: String,
    _ dimensions: [(String, String)],
    isTimer: Bool
  ) -> PrometheusHistogram? {
    registry.series(name, help: label, dimensions, .histogram) { [options = registry.options] in
      PrometheusHistogram(bounds: options.bounds(of: label, isTimer: isTimer))
    } as? PrometheusHistogram
  }
}

extension String {
  fileprivate func ending(in suffix: String) -> String { hasSuffix(suffix) ? self : self + suffix }
}
