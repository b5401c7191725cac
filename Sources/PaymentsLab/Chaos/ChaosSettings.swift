import Foundation
import PaymentsExample

/// What a chaos run does to payments.
package struct ChaosSettings: Sendable {
  package var payments = 5000
  /// Of somebody else's, in a database of his own, at the same providers.
  var neighbourPayments: Int { max(1, payments / 5) }
  package var allPayments: Int { payments + neighbourPayments }
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
  package var occurrenceDelay = Duration.milliseconds(500)

  /// Whom payments go to: the first, and from midway on the second.
  static let providers = ["first", "second"]
  /// One in so many payments is refunded.
  static let refundPeriod = 20

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
      returned: 0.02,
      disputed: 0.02,
      ownRefund: 0.02,
      refundFailure: 0.2,
      stallTime: stallTime,
      processingTime: processingTime,
      occurrenceDelay: occurrenceDelay,
      callbackDelay: .seconds(1),
      honoursIdempotencyKeys: false
    )
  }

  /// - Parameters:
  ///   - urls: of ``providers``, in their order.
  ///   - primary: whom new payments go to.
  func serveArguments(database: String, urls: [String], primary: String, port: Int) -> [String] {
    [
      "serve", "--supervised", "--database-url", database, "--port", "\(port)", "--primary-provider", primary,
      "--workers", "\(workers)", "--base-retry", DurationText.format(baseRetry),
      "--max-retry", DurationText.format(maxRetry), "--lease", DurationText.format(lease),
      "--provider-timeout", DurationText.format(providerTimeout), "--reconcile-period", "0s",
      "--log-level", "critical",
    ] + Self.providerOptions(urls)
  }

  static func providerOptions(_ urls: [String]) -> [String] {
    zip(providers, urls).flatMap { ["--provider", "\($0)=\($1)"] }
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
      "--forged-callback-rate", "\(faults.forgedCallback)", "--return-rate", "\(faults.returned)",
      "--dispute-rate", "\(faults.disputed)", "--own-refund-rate", "\(faults.ownRefund)",
      "--refund-failure-rate", "\(faults.refundFailure)",
      "--occurrence-delay", DurationText.format(faults.occurrenceDelay),
      "--processing-time", DurationText.format(faults.processingTime), "--ignore-idempotency-keys",
    ]
  }

  /// Of a provider.
  var environment: [String: String] { [SecretOption.callbackSecret: callbackSecret] }

  var serveEnvironment: [String: String] {
    let secrets = Self.providers.map { "\($0)=\(callbackSecret)" }
    return [SecretOption.callbackSecret: secrets.joined(separator: ",")]
  }
}
