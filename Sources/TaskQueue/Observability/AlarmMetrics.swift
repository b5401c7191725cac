import Metrics
import Synchronization

/// The monitor's gauges: created once per label set. One that has nothing to report any more goes back to zero.
final class AlarmMetrics: Sendable {
  private struct Key: Hashable {
    let label: String
    let type: TaskType
    let kind: EffectAlarm.Kind?
  }

  private let gauges = Mutex<[Key: Gauge]>([:])

  func record(_ report: AlarmReport) {
    var values: [Key: Double] = [:]
    for (type, count) in report.overdueCounts {
      values[Key(label: "taskqueue_overdue", type: type, kind: nil)] = Double(count)
    }
    for alarm in report.effects {
      values[Key(label: "taskqueue_effects", type: alarm.type, kind: alarm.kind)] = Double(alarm.count)
      values[Key(label: "taskqueue_effects_oldest_seconds", type: alarm.type, kind: alarm.kind)] =
        alarm.oldest / .seconds(1)
    }
    gauges.withLock { gauges in
      for key in values.keys where gauges[key] == nil { gauges[key] = Self.gauge(key) }
      for (key, gauge) in gauges { gauge.record(values[key] ?? 0) }
    }
  }

  private static func gauge(_ key: Key) -> Gauge {
    var dimensions = [("type", key.type.rawValue)]
    if let kind = key.kind { dimensions.append(("kind", kind.rawValue)) }
    return Gauge(label: key.label, dimensions: dimensions)
  }
}
