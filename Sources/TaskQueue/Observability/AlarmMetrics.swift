/// The monitor's gauges.
final class AlarmMetrics: Sendable {
  private let overdue = GaugeSet(.overdue)
  private let effects = GaugeSet(.effects)
  private let oldest = GaugeSet(.oldestEffect)

  func record(_ report: AlarmReport) {
    overdue.record(
      Dictionary(report.overdueCounts.map { ([$0.key.rawValue], Double($0.value)) }, uniquingKeysWith: +)
    )
    var counts: [[String]: Double] = [:]
    var ages: [[String]: Double] = [:]
    for alarm in report.effects {
      counts[[alarm.type.rawValue, alarm.kind.rawValue]] = Double(alarm.count)
      ages[[alarm.type.rawValue, alarm.kind.rawValue]] = alarm.oldest / .seconds(1)
    }
    effects.record(counts)
    oldest.record(ages)
  }
}
