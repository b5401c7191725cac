/// How events are published.
package struct OutboxSettings: Sendable {
  package var transport: any EventTransport
  /// The events' `source`: a URI reference that no other publisher uses.
  package var source = "/payments"
  /// Between looks for events that nobody publishes.
  var upkeepPeriod = Duration.seconds(60)
  /// An event that waits longer is looked after even if nobody asked for it.
  var recoveryAge = Duration.seconds(300)
  /// How long published events are kept.
  package var retention = Duration.seconds(7 * 86_400)
  /// Between the first deliveries of one event; doubles up to ``maxRetry``.
  package var firstRetry = Duration.seconds(1)
  package var maxRetry = Duration.seconds(300)

  package init(
    transport: any EventTransport,
    source: String = "/payments",
    upkeepPeriod: Duration = .seconds(60),
    recoveryAge: Duration = .seconds(300),
    retention: Duration = .seconds(7 * 86_400),
    firstRetry: Duration = .seconds(1),
    maxRetry: Duration = .seconds(300)
  ) {
    self.transport = transport
    self.source = source
    self.upkeepPeriod = upkeepPeriod
    self.recoveryAge = recoveryAge
    self.retention = retention
    self.firstRetry = firstRetry
    self.maxRetry = maxRetry
  }
}

/// Carries events to those who want them.
package protocol EventTransport: Sendable {
  /// Hands an event over. Returning means that the other side has it for good.
  ///
  /// After an error the same event is published again, later, and the payment's next events wait for it; so one that had
  /// arrived all the same arrives twice, with the same id. Must have a time limit of its own.
  func publish(_ event: CloudEvent) async throws
}
