public import Logging
public import ServiceLifecycle

/// Watches what takes too long: tasks behind their type's deadline, effects with an unknown outcome, parked and contradicted ones.
///
/// Walks over the live tasks in pages, one page and one round trip per interval, so a backlog of millions costs no more than an empty
/// table; the report is complete once per walk. Run one per process or one in all: they do not disturb each other. Without it
/// nothing is missed: the SQL views `overdue` and `unsettled_effect` show the same.
///
/// Gauges: `taskqueue_overdue{type}`, `taskqueue_effects{type,kind}` and `taskqueue_effects_oldest_seconds{type,kind}`.
public final class AlarmMonitor: Service {
  private let source: any AlarmSource
  private let configuration: AlarmMonitorConfiguration
  private let clock: any Clock<Duration>
  private let logger: Logger
  private let onReport: @Sendable (AlarmReport) async -> Void

  /// - Parameter onReport: is told after every walk, also when all is well. The next walk waits for it.
  /// - Throws: `invalidName`, `invalidOption`; `invalidConfiguration` for a store without alarms.
  public convenience init(
    store: any TaskStore,
    configuration: AlarmMonitorConfiguration = .init(),
    clock: any Clock<Duration> = ContinuousClock(),
    logger: Logger = Logger(label: "TaskQueue"),
    onReport: @escaping @Sendable (AlarmReport) async -> Void = { _ in }
  ) throws(TaskQueueError) {
    try self.init(
      source: store.contract.alarmSource(),
      configuration: configuration,
      clock: clock,
      logger: logger,
      onReport: onReport
    )
  }

  /// For what is no store.
  @_spi(Store)
  public init(
    source: any AlarmSource,
    configuration: AlarmMonitorConfiguration = .init(),
    clock: any Clock<Duration> = ContinuousClock(),
    logger: Logger = Logger(label: "TaskQueue"),
    onReport: @escaping @Sendable (AlarmReport) async -> Void = { _ in }
  ) throws(TaskQueueError) {
    try configuration.validate()
    self.source = source
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    self.onReport = onReport
  }

  /// Watches until shut down or cancelled. A failing store is tried again after the interval. Call it once.
  public func run() async throws {
    await cancelWhenGracefulShutdown { await self.watch() }
  }

  private func watch() async {
    var areRulesSet = false
    var sweep = AlarmSweep(limit: configuration.reportLimit)
    let metrics = AlarmMetrics()
    while !Task.isCancelled {
      do {
        if !areRulesSet { try await source.setAlarmRules(configuration.rules) }
        areRulesSet = true
        let page = try await source.alarms(
          after: sweep.position,
          page: configuration.pageSize,
          limit: configuration.reportLimit,
          unknownAfter: configuration.unknownAfter
        )
        if let report = sweep.add(page) {
          metrics.record(report)
          await onReport(report)
        }
      } catch {
        if !Task.isCancelled {
          logger.warning("The alarms could not be read; it is tried again", metadata: [LogKey.error: "\(error)"])
        }
      }
      try? await clock.sleep(for: configuration.interval)
    }
  }
}
