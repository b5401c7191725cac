/// How often what nobody asks for is done, and how long what nobody needs is kept.
struct UpkeepSettings: Sendable {
  /// Between looks for what has expired.
  var purgePeriod = Duration.seconds(60)
  /// How long an event of the provider is known as received, and one for an unknown payment waits.
  var callbackLifetime = Duration.seconds(30 * 86_400)
  /// How long what became of a call to the provider is kept, from its last change on.
  var effectLifetime = Duration.seconds(90 * 86_400)
  /// Between comparisons with the provider's books; nil: none are made.
  var reconciliationPeriod: Duration? = .seconds(3600)
  /// How far back one of them looks.
  var reconciliationWindow = Duration.seconds(2 * 86_400)
  /// How long a task of a payment may take until the alarm goes off.
  var finalWithin = Duration.seconds(4 * 3600)
  /// How long a call to the provider may be without a known outcome until the alarm goes off.
  var unknownWithin = Duration.seconds(900)
  /// Between two looks of the alarms.
  var alarmPeriod = Duration.seconds(10)
}
