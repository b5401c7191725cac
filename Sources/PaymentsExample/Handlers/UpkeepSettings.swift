/// How often what nobody asks for is done, and how long what nobody needs is kept.
struct UpkeepSettings: Sendable {
  /// Between looks for expired idempotency keys and forgotten callbacks.
  var purgePeriod = Duration.seconds(60)
  /// How long a callback for an unknown payment is remembered.
  var callbackLifetime = Duration.seconds(7 * 86_400)
  /// Between comparisons with the provider's books; nil: none are made.
  var reconciliationPeriod: Duration? = .seconds(3600)
  /// How far back one of them looks.
  var reconciliationWindow = Duration.seconds(2 * 86_400)
}
