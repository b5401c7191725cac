/// How events are published.
struct OutboxSettings: Sendable {
  var transport: any EventTransport
  /// The events' `source`: a URI reference that no other publisher uses.
  var source = "/payments"
  /// Between looks for events that nobody publishes.
  var upkeepPeriod = Duration.seconds(60)
  /// An event that waits longer is looked after even if nobody asked for it.
  var recoveryAge = Duration.seconds(300)
  /// How long published events are kept.
  var retention = Duration.seconds(7 * 86_400)
  /// Between the first deliveries of one event; doubles up to ``maxRetry``.
  var firstRetry = Duration.seconds(1)
  var maxRetry = Duration.seconds(300)
}
