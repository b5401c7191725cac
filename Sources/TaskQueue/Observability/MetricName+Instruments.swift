import Metrics
import Synchronization

/// Instruments are made here only, so that none has a name or a label that is not in the table.
extension MetricName {
  /// - Parameter values: of the labels, in their order.
  func counter(_ values: String...) -> Counter { Counter(label: label, dimensions: labelled(values)) }
  func floatingPointCounter(_ values: String...) -> FloatingPointCounter {
    FloatingPointCounter(label: label, dimensions: labelled(values))
  }
  func gauge(_ values: String...) -> Gauge { gauge(values) }
  func gauge(_ values: [String]) -> Gauge { Gauge(label: label, dimensions: labelled(values)) }
  func timer(_ values: String...) -> Metrics.Timer { Metrics.Timer(label: label, dimensions: labelled(values)) }
  /// Whose values are put together, as a timer's are.
  func recorder(_ values: String...) -> Recorder {
    Recorder(label: label, dimensions: labelled(values), aggregate: true)
  }

  private func labelled(_ values: [String]) -> [(String, String)] {
    precondition(values.count == dimensions.count, "\(label) has the labels \(dimensions)")
    return Array(zip(dimensions, values))
  }
}

/// Counters of one name, made once per label values. For what is rare: a look-up each time.
final class CounterSet: Sendable {
  /// Beyond so many label values, further ones are counted nowhere.
  private static var maxCounters: Int { 10_000 }

  private let name: MetricName
  private let counters = Mutex<[[String]: Counter]>([:])

  init(_ name: MetricName) { self.name = name }

  func increment(_ values: String..., by count: Int = 1) {
    let counter = counters.withLock { counters -> Counter? in
      if let known = counters[values] { return known }
      guard counters.count < Self.maxCounters else { return nil }
      let made = Counter(label: name.label, dimensions: Array(zip(name.dimensions, values)))
      counters[values] = made
      return made
    }
    counter?.increment(by: count)
  }
}

/// Gauges of one name, made once per label values. One that has nothing to report any more goes back to 0.
final class GaugeSet: Sendable {
  /// Beyond so many label values, further ones get no gauge of their own.
  private static var maxGauges: Int { 1_000 }

  private let name: MetricName
  private let gauges = Mutex<[[String]: Gauge]>([:])

  init(_ name: MetricName) { self.name = name }

  /// - Parameter values: by label values.
  func record(_ values: [[String]: Double]) {
    gauges.withLock { gauges in
      for key in values.keys where gauges[key] == nil && gauges.count < Self.maxGauges {
        gauges[key] = name.gauge(key)
      }
      for (key, gauge) in gauges { gauge.record(values[key] ?? 0) }
    }
  }
}
