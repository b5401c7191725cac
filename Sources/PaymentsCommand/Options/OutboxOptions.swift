import ArgumentParser
import AsyncHTTPClient
import Foundation
import Outbox
import PaymentsExample
import PaymentsLab

/// Who gets the payments' events.
struct OutboxOptions: ParsableArguments {
  /// The environment's name for the secret.
  static let secretName = "PAYMENTS_WEBHOOK_SECRET"

  @Option(
    name: .customLong("webhook-url"),
    help: "Where events are posted (CloudEvents 1.0, JSON), which are written from then on. None: nothing is published."
  )
  var url: String?

  @Option(
    name: .customLong("webhook-secret"),
    help: "Events are signed with it. Rather set \(OutboxOptions.secretName): everybody can read a command line."
  )
  var secret: String?

  @Option(
    name: .customLong("webhook-timeout"),
    help: "Longest wait for an answer to an event. (default: 10s)",
    transform: DurationText.parse
  )
  var timeout = Duration.seconds(10)

  @Option(
    name: .customLong("webhook-retry"),
    help: "Wait after an event that wasn't taken; doubles from there. (default: 1s)",
    transform: DurationText.parse
  )
  var firstRetry = Duration.seconds(1)

  @Option(
    name: .customLong("max-webhook-retry"),
    help: "Longest wait between deliveries of an event. (default: 5m)",
    transform: DurationText.parse
  )
  var maxRetry = Duration.seconds(300)

  @Option(
    help:
      "The events' source: a URI reference that no other publisher uses. (default: one made from the database's namespace)"
  )
  var eventSource: String?

  @Option(help: "How long published events are kept. (default: 168h)", transform: DurationText.parse)
  var eventRetention = Duration.seconds(7 * 86_400)

  func validate() throws {
    guard timeout > .zero else { throw ValidationError("--webhook-timeout must be above zero.") }
    guard firstRetry > .zero else { throw ValidationError("--webhook-retry must be above zero.") }
    guard url == nil || signingSecret != nil else {
      throw ValidationError("--webhook-url needs a secret: set \(Self.secretName).")
    }
    guard eventSource != "" else { throw ValidationError("--event-source must not be empty.") }
  }

  private var signingSecret: String? {
    let secret = self.secret ?? ProcessInfo.processInfo.environment[Self.secretName]
    return secret.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// nil: nobody gets any.
  func make(_ client: HTTPClient, namespace: String) -> OutboxSettings? {
    guard let url, let secret = signingSecret else { return nil }
    return OutboxSettings(
      transport: WebhookTransport(
        client: client,
        url: url,
        secret: secret,
        timeout: timeout,
        source: eventSource ?? "urn:uuid:\(namespace)"
      ),
      retention: eventRetention,
      // The transport's own limit comes first.
      publisher: .init(firstRetry: firstRetry, maxRetry: maxRetry, deliveryTimeout: timeout + .seconds(5))
    )
  }
}
