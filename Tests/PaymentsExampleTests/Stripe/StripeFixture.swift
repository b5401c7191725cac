import AsyncHTTPClient
import Foundation
import Hummingbird
import Libpq
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

/// The app on a database of its own, paying with Stripe, which is localstripe behind a ``StripeProxy``.
struct StripeFixture: Sendable {
  static let key = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
  static let secret = "whsec_of_the_tests"

  let app: PaymentsApp
  let stripe: StripeClient
  let proxy: StripeProxy
  let http: HTTPClient
  let url: String

  var store: PostgresTaskStore { app.client.store }
  var client: PaymentsClient { PaymentsClient(client: http, baseURL: url) }

  /// - Parameters:
  ///   - works: whether a worker runs; else tasks stay where they are.
  ///   - baseRetry: between looks; a long one shows what only a webhook can have brought about.
  static func with(
    paymentMethod: String = "pm_card_visa",
    type: String = "card",
    works: Bool = true,
    baseRetry: Duration = .milliseconds(20),
    logger: Logger = Log.quiet("test"),
    _ body: (StripeFixture) async throws -> Void
  ) async throws {
    let local = try await LocalStripe.shared.value
    try await withTestDatabase { database in
      try await HTTPClient.withHTTPClient(configuration: .connections(100)) { http in
        let store = try PostgresTaskStore(.init(database.postgresConfiguration))
        do {
          try await withProxy(to: local.url, http) { proxy, url in
            let stripe = try Self.stripe(http, url, paymentMethod, type)
            var settings = PaymentsFixture.settings { $0.callbackSecrets = [PaymentProviders.defaultName: [secret]] }
            settings.baseRetry = baseRetry
            settings.maxRetry = max(baseRetry, .milliseconds(200))
            let app = PaymentsApp(
              settings: settings,
              client: TaskClient(store: store),
              providers: .init(stripe),
              logger: logger
            )
            try await run(app, stripe, proxy, http, works, body)
          }
        } catch {
          await store.close()
          throw error
        }
        await store.close()
      }
    }
  }

  /// A client behind a proxy, without app and database.
  static func withClient(_ body: (StripeClient, StripeProxy) async throws -> Void) async throws {
    let local = try await LocalStripe.shared.value
    try await HTTPClient.withHTTPClient(configuration: .connections(10)) { http in
      try await withProxy(to: local.url, http) { proxy, url in
        try await body(try stripe(http, url, "pm_card_visa", "card"), proxy)
      }
    }
  }

  private static func stripe(
    _ http: HTTPClient,
    _ url: String,
    _ paymentMethod: String,
    _ type: String
  ) throws -> StripeClient {
    let configuration = try StripeConfiguration(
      key: StripeKey(key),
      url: url,
      paymentMethod: paymentMethod,
      paymentMethodType: type,
      namespace: UUID().uuidString
    )
    return StripeClient(client: http, configuration: configuration)
  }

  private static func withProxy(
    to url: String,
    _ http: HTTPClient,
    _ body: (StripeProxy, String) async throws -> Void
  ) async throws {
    let proxy = StripeProxy(client: http, url: url)
    let port = ListeningPort()
    let server = Application(
      responder: proxy,
      configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { port.report($0) },
      logger: Log.quiet("test.proxy")
    )
    try await server.whileRunning { try await body(proxy, "http://127.0.0.1:\(try await port.wait())") }
  }

  private static func run(
    _ app: PaymentsApp,
    _ stripe: StripeClient,
    _ proxy: StripeProxy,
    _ http: HTTPClient,
    _ works: Bool,
    _ body: (StripeFixture) async throws -> Void
  ) async throws {
    try await app.migrate()
    try await app.server().whileRunning {
      let url = "http://127.0.0.1:\(try await app.port())"
      let fixture = StripeFixture(app: app, stripe: stripe, proxy: proxy, http: http, url: url)
      guard works else { return try await body(fixture) }
      try await app.worker().whileRunning { try await body(fixture) }
    }
  }

  static func newPayment(amount: Int64 = 1250, currency: String = "EUR") -> NewPayment {
    NewPayment(userId: "user-1", amount: amount, currency: currency, description: "Two books & a pen")
  }

  /// Waits until it is final; gives up after 30 seconds, with what it saw last.
  func final(_ payment: Payment) async throws -> PaymentDetails {
    var details = try await client.payment(payment.id)
    try await eventually("the payment is final") {
      details = try await client.payment(payment.id)
      return details.payment.status.isFinal
    }
    return details
  }

  /// Every change at Stripe was sent under a key of the ledger, or its payment's id, the same in every attempt, and it is known what became
  /// of it.
  func expectInLedger() async throws {
    let sent = Set(proxy.seen("POST", "").compactMap { $0.headers["idempotency-key"] })
    let known = "SELECT key::text FROM taskqueue.effect UNION SELECT id::text FROM payments.payment"
    let keys = try await store.pool.query(known).rows.map { try $0.text(0) }
    #expect(sent == Set(keys))
    #expect(try await store.unsettledEffects(olderThan: .zero, limit: 10).isEmpty)
  }

  /// What Stripe has of it, oldest first.
  func intents(_ payment: Payment) async throws -> [ProviderPayment] {
    try await stripe.payments(reference: payment.reference)
  }

  func send(_ path: String, _ body: String, headers: [String: String] = [:]) async throws -> UInt {
    var request = HTTPClientRequest(url: url + path)
    request.method = .POST
    request.headers.replaceOrAdd(name: "Content-Type", value: "application/json; charset=utf-8")
    for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
    request.body = .bytes(ByteBuffer(string: body))
    return try await http.execute(request, timeout: .seconds(20)).status.code
  }
}
