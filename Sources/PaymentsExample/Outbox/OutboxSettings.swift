package import Outbox

extension EventOutbox {
  /// The payments' events: aggregates of the type `payment`, by the payment's id. Triggers write them (`P0004_saga.sql`).
  package static let payments = EventOutbox(schema: "payments")
}

/// How events are published.
package struct OutboxSettings: Sendable {
  package var transport: any OutboxTransport
  /// Between looks for events that nobody publishes.
  var upkeepPeriod = Duration.seconds(60)
  /// An event that waits longer is looked after even if nobody asked for it.
  var recoveryAge = Duration.seconds(300)
  /// How long published events are kept.
  package var retention = Duration.seconds(7 * 86_400)
  package var publisher = OutboxPublisherConfiguration()

  package init(
    transport: any OutboxTransport,
    upkeepPeriod: Duration = .seconds(60),
    recoveryAge: Duration = .seconds(300),
    retention: Duration = .seconds(7 * 86_400),
    publisher: OutboxPublisherConfiguration = .init()
  ) {
    self.transport = transport
    self.upkeepPeriod = upkeepPeriod
    self.recoveryAge = recoveryAge
    self.retention = retention
    self.publisher = publisher
  }
}
