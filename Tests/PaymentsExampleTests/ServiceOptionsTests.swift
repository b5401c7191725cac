import ArgumentParser
import AsyncHTTPClient
import Outbox
import Testing

@testable import PaymentsExample
@testable import payments

@Suite("Options of services, events and the inventory")
struct ServiceOptionsTests {
  @Test("A step is there if its service has a URL, and an order is only asked about if there is one")
  func services() async throws {
    try await HTTPClient.withHTTPClient { client in
      #expect(try ServiceOptions.parse([]).make(client).steps(orderId: "o").isEmpty)
      let options = try ServiceOptions.parse([
        "--order-url", "http://127.0.0.1:1", "--delivery-url", "http://127.0.0.1:1", "--service-timeout", "3s",
      ])
      let services = options.make(client)
      #expect(services.steps(orderId: "o") == [.order, .delivery])
      #expect(services.steps(orderId: nil) == [.delivery])
      #expect(services.callLimit > .seconds(6), "a call may be two requests")
      #expect(options.orders(client) != nil)
    }
    for timeout in ["0s", "11m"] {
      #expect(throws: (any Error).self) { try ServiceOptions.parse(["--service-timeout", timeout]) }
    }
  }

  @Test("Events are published only to a URL, and never unsigned")
  func events() async throws {
    try await HTTPClient.withHTTPClient { client in
      #expect(try OutboxOptions.parse([]).make(client, namespace: "n") == nil)
      let url = ["--webhook-url", "http://127.0.0.1:1"]
      #expect(throws: (any Error).self) { try OutboxOptions.parse(url + ["--webhook-secret", ""]) }
      let arguments = url + ["--webhook-secret", "s", "--webhook-retry", "2s", "--max-webhook-retry", "9s"]
      let settings = try #require(try OutboxOptions.parse(arguments).make(client, namespace: "n"))
      #expect(settings.publisher.firstRetry == .seconds(2))
      #expect(settings.publisher.maxRetry == .seconds(9))
      let transport = try #require(settings.transport as? WebhookTransport)
      #expect(transport.source == "urn:uuid:n", "another one in each database")
    }
  }

  @Test("The inventory's secrets can be changed: several count, and empty ones don't")
  func inventory() throws {
    #expect(try InventoryOptions.parse(["--inventory-secret", "a", "--inventory-secret", ""]).all == ["a"])
    let environment = [InventoryOptions.secretName: "a,,b"]
    #expect(SecretOption.all([], variable: InventoryOptions.secretName, environment: environment) == ["a", "b"])
  }
}
