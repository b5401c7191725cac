import ArgumentParser
import PaymentsExample
import PaymentsLab
import TaskQueue

/// What `serve` keeps, for how long, and how much of it.
struct LimitOptions: ParsableArguments {
  @Option(help: "The most payments that may be open; more are refused with 429 until some are final.")
  var backlogLimit = 100_000

  @Flag(
    help:
      "Allow several payments for one order; without it the second is refused until the first has failed or is cancelled."
  )
  var severalPerOrder = false

  @Option(help: "How long an Idempotency-Key is remembered. (default: 24h)", transform: DurationText.parse)
  var keyLifetime = Duration.seconds(86_400)

  @Option(help: "Between looks for what has expired. (default: 1m)", transform: DurationText.parse)
  var purgePeriod = UpkeepSettings().purgePeriod

  @Option(help: "Between comparisons with the provider's books; 0s: none. (default: 1h)", transform: DurationText.parse)
  var reconcilePeriod = Duration.seconds(3600)

  @Option(help: "How far back a comparison looks. (default: 48h)", transform: DurationText.parse)
  var reconcileWindow = UpkeepSettings().reconciliationWindow

  @Option(
    help: "A payment's task that takes longer sets off the alarm: a log line and gauges. (default: 4h)",
    transform: DurationText.parse
  )
  var finalWithin = UpkeepSettings().finalWithin

  @Option(
    help: "A call to the provider without a known outcome for so long does, too. (default: 15m)",
    transform: DurationText.parse
  )
  var unknownWithin = UpkeepSettings().unknownWithin

  @Option(help: "Between two looks of the alarms. (default: 10s)", transform: DurationText.parse)
  var alarmPeriod = UpkeepSettings().alarmPeriod

  func validate() throws {
    guard (1...10_000_000).contains(backlogLimit) else {
      throw ValidationError("--backlog-limit is between 1 and 10000000.")
    }
    guard keyLifetime > .zero else { throw ValidationError("--key-lifetime must be above zero.") }
    for (name, period) in [
      ("purge", purgePeriod), ("reconcile", reconcilePeriod == .zero ? .seconds(1) : reconcilePeriod),
    ] {
      do { _ = try ScheduleRule.every(period) } catch { throw ValidationError("--\(name)-period: \(error)") }
    }
    guard finalWithin > .zero else { throw ValidationError("--final-within must be above zero.") }
    guard alarmPeriod >= .milliseconds(100) else { throw ValidationError("--alarm-period is at least 100ms.") }
    guard reconcileWindow > .zero else { throw ValidationError("--reconcile-window must be above zero.") }
  }

  var upkeep: UpkeepSettings {
    UpkeepSettings(
      purgePeriod: purgePeriod,
      reconciliationPeriod: reconcilePeriod == .zero ? nil : reconcilePeriod,
      reconciliationWindow: reconcileWindow,
      finalWithin: finalWithin,
      unknownWithin: unknownWithin,
      alarmPeriod: alarmPeriod
    )
  }
}
