package import PaymentsExample

/// One payment of `payments client`, from its first request to its end.
package struct ClientRun: Sendable {
  static let longestPause = Duration.seconds(2)

  package let client: PaymentsClient
  package let payment: NewPayment
  package let key: String
  /// For all of it.
  package let limit: Duration

  package init(client: PaymentsClient, payment: NewPayment, key: String, limit: Duration) {
    self.client = client
    self.payment = payment
    self.key = key
    self.limit = limit
  }

  /// Repeats whatever gets no answer, always with the same key.
  /// - Throws: `CancellationError`.
  package func run() async throws -> ClientReport.Outcome {
    let clock = ContinuousClock()
    let start = clock.now
    var outcome = ClientReport.Outcome(status: nil, accepted: nil, final: .zero, retries: 0)
    var pause = Duration.milliseconds(50)
    var id: PaymentID?
    while clock.now - start < limit {
      do {
        let payment: Payment
        if let id {
          payment = try await client.payment(id).payment
        } else {
          payment = try await client.create(self.payment, idempotencyKey: key)
          outcome.accepted = clock.now - start
          pause = .milliseconds(50)
        }
        id = payment.id
        outcome.status = payment.status
        if payment.status.isFinal { break }
      } catch let error as PaymentsClient.Refusal where !error.isTransient {
        outcome.refusal = error.status
        break
      } catch let error as CancellationError {
        throw error
      } catch {
        outcome.retries += 1
        if let wait = (error as? PaymentsClient.Refusal)?.retryAfter { pause = max(pause, wait) }
      }
      try await clock.sleep(for: pause)
      pause = min(pause * 2, Self.longestPause)
    }
    outcome.final = clock.now - start
    return outcome
  }
}
