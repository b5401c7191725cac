import Logging
import Outbox
import Synchronization
import TaskQueue

/// Watches for payments that take too long, and for calls to the provider whose outcome nobody knows.
///
/// Shown as the library's gauges on `/metrics`, and in the log: when something changes, not with every look.
final class PaymentAlarms: Sendable {
  private let logger: Logger
  private let last = Mutex<Logger.Metadata>([:])

  init(logger: Logger) {
    self.logger = logger
  }

  /// Each task of a payment has the deadline for itself; so has an event that is to be published.
  static func configuration(_ settings: UpkeepSettings) -> AlarmMonitorConfiguration {
    let types = [
      InitPayment.taskType, CheckPayment.taskType, CancelPayment.taskType, RefundPayment.taskType, RunSaga.taskType,
      EventOutbox.payments.taskType,
    ]
    var configuration = AlarmMonitorConfiguration(
      rules: types.map { AlarmRule($0, finalWithin: settings.finalWithin) }
    )
    configuration.unknownAfter = settings.unknownWithin
    configuration.interval = settings.alarmPeriod
    return configuration
  }

  func monitor(_ store: any TaskStore, _ settings: UpkeepSettings) throws -> AlarmMonitor {
    try AlarmMonitor(
      store: store,
      configuration: Self.configuration(settings),
      logger: logger,
      onReport: { self.tell($0) }
    )
  }

  func tell(_ report: AlarmReport) {
    var counts: Logger.Metadata = [:]
    for (type, count) in report.overdueCounts { counts["overdue.\(type)"] = "\(count)" }
    for alarm in report.effects { counts["\(alarm.kind.rawValue).\(alarm.type)"] = "\(alarm.count)" }
    let current = counts
    let hasChanged = last.withLock { last in
      defer { last = current }
      return last != current
    }
    guard hasChanged else { return }
    if report.isEmpty {
      logger.notice("payments are on time again")
    } else {
      logger.warning("payments take too long, or nobody knows what became of a call", metadata: current)
    }
  }
}
