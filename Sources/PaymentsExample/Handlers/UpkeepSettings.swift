/// How often what nobody asks for is done, and how long what nobody needs is kept.
package struct UpkeepSettings: Sendable {
  /// Between looks for what has expired.
  package var purgePeriod = Duration.seconds(60)
  /// How long an event of the provider is known as received, and one for an unknown payment waits.
  var callbackLifetime = Duration.seconds(30 * 86_400)
  /// How long what became of a call to the provider is kept, from its last change on.
  var effectLifetime = Duration.seconds(90 * 86_400)
  /// Between comparisons with the provider's books; nil: none are made.
  package var reconciliationPeriod: Duration? = .seconds(3600)
  /// How far back one of them looks.
  package var reconciliationWindow = Duration.seconds(2 * 86_400)
  /// How long a task of a payment may take until the alarm goes off.
  package var finalWithin = Duration.seconds(4 * 3600)
  /// How long a call to the provider may be without a known outcome until the alarm goes off.
  package var unknownWithin = Duration.seconds(900)
  /// Between two looks of the alarms.
  package var alarmPeriod = Duration.seconds(10)

  package init(
    purgePeriod: Duration = .seconds(60),
    callbackLifetime: Duration = .seconds(30 * 86_400),
    effectLifetime: Duration = .seconds(90 * 86_400),
    reconciliationPeriod: Duration? = .seconds(3600),
    reconciliationWindow: Duration = .seconds(2 * 86_400),
    finalWithin: Duration = .seconds(4 * 3600),
    unknownWithin: Duration = .seconds(900),
    alarmPeriod: Duration = .seconds(10)
  ) {
    self.purgePeriod = purgePeriod
    self.callbackLifetime = callbackLifetime
    self.effectLifetime = effectLifetime
    self.reconciliationPeriod = reconciliationPeriod
    self.reconciliationWindow = reconciliationWindow
    self.finalWithin = finalWithin
    self.unknownWithin = unknownWithin
    self.alarmPeriod = alarmPeriod
  }
}
