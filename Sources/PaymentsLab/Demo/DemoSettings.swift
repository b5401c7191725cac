import Foundation

/// What the demo runs with. Everything that takes minutes in production is scaled so that it fits in half a minute.
package struct DemoSettings: Sendable {
  package var payments = 10
  /// nil: a private cluster.
  package var databaseURL: String?
  package var seed: UInt64 = 2026
  /// Wait for Ctrl-C at the end, with the database still there.
  package var keeps = false

  /// Signs the provider's callbacks; another one every time.
  package let callbackSecret = UUID().uuidString

  /// Instead of 1 minute.
  package var baseRetry = Duration.milliseconds(250)
  /// Instead of 2^14 times the base, so that a payment with bad luck still ends on time.
  package var maxRetry = Duration.seconds(1)
  /// Instead of 1 minute.
  package var lease = Duration.seconds(2)
  /// Instead of 10 seconds.
  var providerTimeout = Duration.milliseconds(700)
  /// From the start of the first payment; then it failed.
  package var limit = Duration.seconds(24)

  package init(payments: Int = 10, databaseURL: String? = nil, seed: UInt64 = 2026, keeps: Bool = false) {
    self.payments = payments
    self.databaseURL = databaseURL
    self.seed = seed
    self.keeps = keeps
  }

  package var faults: ProviderFaults {
    ProviderFaults(
      errorBeforeWork: 0.08,
      errorAfterWork: 0.08,
      lostResponse: 0.15,
      stall: 0.05,
      cancel: 0,
      duplicateCallback: 0.3,
      lostCallback: 0.2,
      stallTime: .seconds(1),
      latency: .milliseconds(120),
      processingTime: .milliseconds(900)
    )
  }
}
