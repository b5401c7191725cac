import CoreMetrics
import Synchronization

/// One series, which knows its lines.
protocol PrometheusSeries: AnyObject, Sendable {
  func write(_ name: String, _ labels: String, to text: inout String)
}

/// What only goes up.
final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
  private let value = Mutex(0.0)

  func increment(by amount: Int64) { increment(by: Double(amount)) }

  func increment(by amount: Double) {
    guard amount > 0 else { return }
    value.withLock { $0 += amount }
  }

  // A Prometheus counter never goes back.
  func reset() {}

  func write(_ name: String, _ labels: String, to text: inout String) {
    text.line(name, labels, value.withLock { $0 })
  }
}

/// What goes both ways.
final class PrometheusGauge: PrometheusSeries, MeterHandler, RecorderHandler {
  private let value = Mutex(0.0)

  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { self.value.withLock { $0 = value } }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }

  func write(_ name: String, _ labels: String, to text: inout String) {
    text.line(name, labels, value.withLock { $0 })
  }
}

/// A timer, in seconds, or a recorder that aggregates.
final class PrometheusHistogram: PrometheusSeries, TimerHandler, RecorderHandler {
  private struct State: Sendable {
    /// Of each bucket, what lies above the one before; the last one is for what is above all bounds.
    var counts: [Int]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  init(bounds: [Double]) {
    self.bounds = bounds
    state = Mutex(State(counts: [Int](repeating: 0, count: bounds.count + 1)))
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    guard !value.isNaN else { return }
    var bucket = 0
    while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
    state.withLock { state in
      state.counts[bucket] += 1
      state.sum += value
    }
  }

  func write(_ name: String, _ labels: String, to text: inout String) {
    let state = state.withLock { $0 }
    let prefix = labels.isEmpty ? "" : "\(labels),"
    var count = 0
    for (bound, inBucket) in zip(bounds + [.infinity], state.counts) {
      count += inBucket
      text.line("\(name)_bucket", "\(prefix)le=\"\(PrometheusName.number(bound))\"", Double(count))
    }
    text.line("\(name)_sum", labels, state.sum)
    text.line("\(name)_count", labels, Double(count))
  }
}

extension String {
  fileprivate mutating func line(_ name: String, _ labels: String, _ value: Double) {
    self += name
    if !labels.isEmpty { self += "{\(labels)}" }
    self += " \(PrometheusName.number(value))\n"
  }
}
