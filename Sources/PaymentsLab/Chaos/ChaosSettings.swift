import Foundation
import PaymentsExample

/// What a chaos run does to payments.
package struct ChaosSettings: Sendable {
  package var payments = 5000
  /// The same seed gives the same faults at the provider and the same victims; when they are met is left to the machine.
  package var seed: UInt64 = 1
  /// Payments created at one time.
  package var concurrency = 16
  /// Payments worked on by each process at one time.
  package var workers = 16
  /// The path of the `payments` program; nil: this one.
  var program: String?
  /// Of the private cluster.
  package var postgres: [String: String] = [:]

  package var baseRetry = Duration.milliseconds(250)
  package var maxRetry = Duration.seconds(4)
  package var lease = Duration.seconds(3)
  /// Shorter than a stall, so that a stalled answer is a lost one.
  var providerTimeout = Duration.seconds(2)
  /// Between two SIGKILLs.
  var killPause = Duration.milliseconds(1000)...Duration.milliseconds(5000)
  /// Then they are left alone.
  var maxKills = 1000
  /// From the first payment on until all have to be final.
  package var limit = Duration.seconds(3600)

  /// Signs the provider's callbacks; another one every time.
  package let callbackSecret = UUID().uuidString

  package var stallTime = Duration.seconds(3)
  package var processingTime = Duration.milliseconds(300)

  package init() {}

  package var faults: ProviderFaults {
    ProviderFaults(
      errorBeforeWork: 0.08,
      errorAfterWork: 0.08,
      lostResponse: 0.1,
      stall: 0.03,
      alter: 0.02,
      duplicateCallback: 0.4,
      lostCallback: 0.2,
      reorderedCallback: 0.3,
      delayedCallback: 0.2,
      forgedCallback: 0.3,
      stallTime: stallTime,
      processingTime: processingTime,
      callbackDelay: .seconds(1),
      honoursIdempotencyKeys: false
    )
  }

  func serveArguments(database: String, provider: String, port: Int) -> [String] {
    [
      "serve", "--supervised", "--database-url", database, "--port", "\(port)", "--provider-url", provider,
      "--workers", "\(workers)", "--base-retry", DurationText.format(baseRetry),
      "--max-retry", DurationText.format(maxRetry), "--lease", DurationText.format(lease),
      "--provider-timeout", DurationText.format(providerTimeout), "--reconcile-period", "0s",
      "--log-level", "critical",
    ]
  }

  func providerArguments(callbackURL: String) -> [String] {
    let faults = self.faults
    return [
      "provider", "--supervised", "--port", "0", "--callback-url", callbackURL, "--seed", "\(seed)",
      "--error-rate", "\(faults.errorBeforeWork)", "--late-error-rate", "\(faults.errorAfterWork)",
      "--lost-response-rate", "\(faults.lostResponse)", "--stall-rate", "\(faults.stall)",
      "--alter-rate", "\(faults.alter)",
      "--stall-time", DurationText.format(faults.stallTime),
      "--duplicate-callback-rate", "\(faults.duplicateCallback)", "--lost-callback-rate", "\(faults.lostCallback)",
      "--reordered-callback-rate", "\(faults.reorderedCallback)",
      "--delayed-callback-rate", "\(faults.delayedCallback)",
      "--callback-delay", DurationText.format(faults.callbackDelay),
      "--forged-callback-rate", "\(faults.forgedCallback)",
      "--processing-time", DurationText.format(faults.processingTime), "--ignore-idempotency-keys",
    ]
  }

  package var environment: [String: String] { [SecretOption.callbackSecret: callbackSecret] }
}
