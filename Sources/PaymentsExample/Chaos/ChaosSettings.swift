import Foundation

/// What a chaos run does to payments.
struct ChaosSettings: Sendable {
  var payments = 5000
  /// The same seed gives the same faults at the provider and the same victims; when they are met is left to the machine.
  var seed: UInt64 = 1
  /// Payments created at one time.
  var concurrency = 16
  /// Payments worked on by each process at one time.
  var workers = 16
  /// The path of the `payments` program; nil: this one.
  var program: String?
  /// Of the private cluster.
  var postgres: [String: String] = [:]

  var baseRetry = Duration.milliseconds(250)
  var maxRetry = Duration.seconds(4)
  var lease = Duration.seconds(3)
  /// Shorter than a stall, so that a stalled answer is a lost one.
  var providerTimeout = Duration.seconds(2)
  /// Between two SIGKILLs.
  var killPause = Duration.milliseconds(1000)...Duration.milliseconds(5000)
  /// Then they are left alone.
  var maxKills = 1000
  /// From the first payment on until all have to be final.
  var limit = Duration.seconds(3600)

  /// Signs the provider's callbacks; another one every time.
  let callbackSecret = UUID().uuidString

  var stallTime = Duration.seconds(3)
  var processingTime = Duration.milliseconds(300)

  var faults: ProviderFaults {
    ProviderFaults(
      errorBeforeWork: 0.08,
      errorAfterWork: 0.08,
      lostResponse: 0.1,
      stall: 0.03,
      duplicateCallback: 0.4,
      lostCallback: 0.2,
      reorderedCallback: 0.3,
      delayedCallback: 0.2,
      forgedCallback: 0.3,
      stallTime: self.stallTime,
      processingTime: self.processingTime,
      callbackDelay: .seconds(1),
      honoursIdempotencyKeys: false
    )
  }

  func serveArguments(database: String, provider: String, port: Int) -> [String] {
    [
      "serve", "--supervised", "--database-url", database, "--port", "\(port)", "--provider-url", provider,
      "--workers", "\(self.workers)", "--base-retry", DurationText.format(self.baseRetry),
      "--max-retry", DurationText.format(self.maxRetry), "--lease", DurationText.format(self.lease),
      "--provider-timeout", DurationText.format(self.providerTimeout), "--reconcile-period", "0s",
      "--log-level", "critical",
    ]
  }

  func providerArguments(callbackURL: String) -> [String] {
    let faults = self.faults
    return [
      "provider", "--supervised", "--port", "0", "--callback-url", callbackURL, "--seed", "\(self.seed)",
      "--error-rate", "\(faults.errorBeforeWork)", "--late-error-rate", "\(faults.errorAfterWork)",
      "--lost-response-rate", "\(faults.lostResponse)", "--stall-rate", "\(faults.stall)",
      "--stall-time", DurationText.format(faults.stallTime),
      "--duplicate-callback-rate", "\(faults.duplicateCallback)", "--lost-callback-rate", "\(faults.lostCallback)",
      "--reordered-callback-rate", "\(faults.reorderedCallback)",
      "--delayed-callback-rate", "\(faults.delayedCallback)",
      "--callback-delay", DurationText.format(faults.callbackDelay),
      "--forged-callback-rate", "\(faults.forgedCallback)",
      "--processing-time", DurationText.format(faults.processingTime), "--ignore-idempotency-keys",
    ]
  }

  var environment: [String: String] { [SecretOption.callbackSecret: self.callbackSecret] }
}
