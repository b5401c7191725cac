import ArgumentParser
import AsyncHTTPClient
import PaymentsExample
import PaymentsLab

/// The services of the steps around a payment. Without a URL the step is left out.
struct ServiceOptions: ParsableArguments {
  @Option(name: .customLong("account-url"), help: "Checks accounts and holds the money, before the payment.")
  var account: String?

  @Option(name: .customLong("fraud-url"), help: "Looks for fraud, before the payment.")
  var fraud: String?

  @Option(
    name: .customLong("order-url"),
    help: "Checks orders and holds them, before the payment; knows the terms of orders for /inventoryEvents."
  )
  var order: String?

  @Option(name: .customLong("delivery-url"), help: "Is notified once the payment is DONE.")
  var delivery: String?

  @Option(
    name: .customLong("service-timeout"),
    help: "Longest wait for an answer of such a service. (default: 10s)",
    transform: DurationText.parse
  )
  var timeout = Duration.seconds(10)

  func validate() throws {
    guard timeout > .zero, timeout <= .seconds(600) else {
      throw ValidationError("--service-timeout is above zero and at most 10m.")
    }
  }

  /// - Throws: ``CommandError`` if one would be reached unprotected.
  func check(isInsecure: Bool) throws {
    let urls = [
      ("--account-url", account), ("--fraud-url", fraud), ("--order-url", order), ("--delivery-url", delivery),
    ]
    for case (let option, let url?) in urls { try OutgoingURL.check(url, option: option, isInsecure: isInsecure) }
  }

  func make(_ client: HTTPClient) -> StepServices {
    let urls: [(StepName, String?)] = [
      (.account, account), (.fraud, fraud), (.order, order), (.delivery, delivery),
    ]
    // A question and an order, and room for what comes before they are sent.
    var services = StepServices(callLimit: timeout * 2 + .seconds(1))
    for (step, url) in urls {
      services.services[step] = url.map { HTTPStepService(client: client, baseURL: $0, timeout: timeout) }
    }
    return services
  }

  /// Who knows what an order costs.
  func orders(_ client: HTTPClient) -> (any OrderSource)? {
    order.map { HTTPStepService(client: client, baseURL: $0, timeout: timeout) }
  }
}
