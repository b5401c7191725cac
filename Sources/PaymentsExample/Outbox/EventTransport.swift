/// Carries events to those who want them.
protocol EventTransport: Sendable {
  /// Hands an event over. Returning means that the other side has it for good.
  ///
  /// After an error the same event is published again, later, and the payment's next events wait for it; so one that had
  /// arrived all the same arrives twice, with the same id. Must have a time limit of its own.
  func publish(_ event: CloudEvent) async throws
}
