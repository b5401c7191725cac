/// Carries events to those who want them: a webhook, a broker, another database.
public protocol OutboxTransport: Sendable {
  /// Hands an event over. Returning means that the other side has it for good.
  ///
  /// After an error the same event is delivered again, later, and its aggregate's next events wait for it; one that had arrived all the
  /// same arrives twice, with the same id. It is cancelled after ``OutboxPublisherConfiguration/deliveryTimeout`` and must end then.
  func deliver(_ event: OutboxEvent) async throws
}

/// An event's delivery took longer than ``OutboxPublisherConfiguration/deliveryTimeout``. Whether it arrived is unknown.
public struct OutboxDeliveryTimedOut: Error, CustomStringConvertible {
  public let limit: Duration

  public var description: String { "the delivery did not end within \(limit)" }
}
