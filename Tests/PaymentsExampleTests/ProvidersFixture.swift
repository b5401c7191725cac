import AsyncHTTPClient
import TaskQueue
import TaskQueuePostgres
import TaskQueuePrometheus
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

/// Several simulated providers by name, and one database for processes that know some of them.
struct ProvidersFixture: Sendable {
  let client: TaskClient<PostgresTaskStore>
  let http: HTTPClient
  let database: String
  let namespace: String
  var simulators: [String: ProviderSimulator] = [:]
  var urls: [String: String] = [:]

  static func with(
    _ faults: [String: ProviderFaults],
    _ body: (ProvidersFixture) async throws -> Void
  ) async throws {
    try await withTestDatabase { database in
      try await HTTPClient.withHTTPClient(configuration: .connections(64)) { http in
        let store = try PostgresTaskStore(.init(database.postgresConfiguration))
        let result: Result<Void, any Error>
        do {
          let client = TaskClient(store: store)
          let fixture = ProvidersFixture(
            client: client,
            http: http,
            database: database.connectionString,
            namespace: try await PaymentsApp.migrate(client)
          )
          result = .success(try await fixture.start(faults.sorted { $0.key < $1.key }[...], body))
        } catch {
          result = .failure(error)
        }
        await store.close()
        try result.get()
      }
    }
  }

  private func start(
    _ rest: ArraySlice<(key: String, value: ProviderFaults)>,
    _ body: (ProvidersFixture) async throws -> Void
  ) async throws {
    guard let (name, faults) = rest.first else { return try await body(self) }
    let simulator = simulator(name, faults)
    try await simulator.whileRunning {
      var next = self
      next.simulators[name] = simulator
      next.urls[name] = "http://127.0.0.1:\(try await simulator.port())"
      try await next.start(rest.dropFirst(), body)
    }
  }

  func simulator(_ name: String, _ faults: ProviderFaults = .none, port: Int = 0) -> ProviderSimulator {
    let quiet = Log.quiet("test")
    return ProviderSimulator(
      faults: faults,
      seed: 1,
      port: port,
      secret: Self.secret(name),
      callbacks: CallbackSender(client: http, logger: quiet),
      logger: quiet
    )
  }

  static func secret(_ name: String) -> String { "the secret of \(name)" }

  /// A process that knows these providers; the first one is the primary. It ends with `body`.
  func serve(
    _ names: [String],
    timeout: Duration = .milliseconds(500),
    works: Bool = true,
    settings: PaymentsApp.Settings = PaymentsFixture.settings(),
    isGuarded: Bool = true,
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    var settings = settings
    var clients: [String: ProviderClient] = [:]
    for name in names {
      settings.callbackSecrets[name] = [Self.secret(name)]
      let url = urls[name] ?? "http://127.0.0.1:1"
      clients[name] = ProviderClient(client: http, baseURL: url, namespace: namespace, timeout: timeout)
    }
    let quiet = Log.quiet("test")
    let metrics = PrometheusMetrics()
    var providers = try PaymentProviders(clients, primary: names[0], logger: quiet)
    if isGuarded {
      providers = providers.guarded(
        workers: settings.workers,
        baseRetry: settings.baseRetry,
        metrics: metrics,
        logger: quiet
      )
    }
    let app = PaymentsApp(settings: settings, client: client, providers: providers, metrics: metrics, logger: quiet)
    let primary = try #require(clients[names[0]])
    let simulator = simulators[names[0]] ?? self.simulator(names[0])
    try await app.server().whileRunning {
      let url = "http://127.0.0.1:\(try await app.port())"
      for name in names { simulators[name]?.callBack(to: "\(url)\(PaymentAPI.callbackPath)/\(name)") }
      let fixture = PaymentsFixture(app: app, simulator: simulator, provider: primary, http: http, url: url)
      if works { try await fixture.work(body) } else { try await body(fixture) }
    }
  }

  func executions(_ payment: Payment, at name: String) -> Int {
    simulators[name]?.ledger.executions(reference: payment.reference) ?? 0
  }
}

extension PaymentsFixture {
  /// Payments that go to one provider; nil: to the primary.
  func create(_ count: Int, at provider: String?, _ name: String) async throws -> [Payment] {
    var payments: [Payment] = []
    for number in 1...count {
      var new = Self.newPayment(number)
      new.provider = provider
      payments.append(try await client.create(new, idempotencyKey: "\(name)-\(number)"))
    }
    return payments
  }
}
