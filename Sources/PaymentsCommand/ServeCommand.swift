import ArgumentParser
import AsyncHTTPClient
import EmbeddedPostgres
import Hummingbird
import Libpq
import Logging
import Metrics
import PaymentsExample
import PaymentsLab
import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres
import TaskQueuePrometheus
import UnixSignals

/// `payments serve`: the HTTP API and a worker in one process. Start as many as you like.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the payments API and a worker on one database; several processes share the work.",
    discussion: "Migrates the database at start. SIGTERM or SIGINT: finishes what runs, hands back the rest, ends."
  )

  @Option(help: "URI or keyword string for libpq. Empty: the PG* environment variables and libpq's defaults.")
  var databaseURL = ""

  @Flag(help: "Start a private PostgreSQL cluster to try this out, and remove it with all payments at the end.")
  var temporaryDatabase = false

  @Option(help: "Address to listen on. Beyond the loopback interface callers need keys: `payments keys add`.")
  var host = "127.0.0.1"

  @Option(help: "TCP port; 0: any free one.")
  var port = 8080

  @Flag(help: "Only take requests in; other processes work on the payments.")
  var apiOnly = false

  @Flag(help: "Only work on payments; other processes take requests in. With --metrics-port, numbers are listened for.")
  var workerOnly = false

  @OptionGroup(title: "Access")
  var access: AccessOptions

  @OptionGroup(title: "Provider")
  var provider: ProviderOptions

  @Option(help: "The provider that new payments go to, by its name. (default: the first)")
  var primaryProvider: String?

  @Option(
    help: "Calls under way at one provider. (default: with several providers as many as leave workers for the others)"
  )
  var providerLimit: Int?

  @Option(
    help: """
      A provider's callbacks are signed with it: NAME=SECRET, or SECRET if there is one provider; repeat it while it is \
      changed. \(SecretOption.advice)
      """
  )
  var callbackSecret: [String] = []

  @OptionGroup(title: "Services around payments")
  var services: ServiceOptions

  @OptionGroup(title: "Events")
  var outbox: OutboxOptions

  @OptionGroup(title: "Inventory")
  var inventory: InventoryOptions

  @OptionGroup(title: "Limits")
  var limits: LimitOptions

  @Option(help: "Payments worked on at one time.")
  var workers = 16

  @Option(help: "Most connections to the database, one more for wake-ups. (default: --workers, 8 to 32)")
  var connections: Int?

  @Option(
    help: "Longest time of one statement; then its request is answered 503, its attempt made again. (default: 30s)",
    transform: DurationText.parse
  )
  var statementTimeout = Duration.seconds(30)

  @Option(help: "Wait after the first attempt; doubles from there. (default: 1m)", transform: DurationText.parse)
  var baseRetry = Duration.seconds(60)

  @Option(help: "Longest wait between attempts. (default: 15m)", transform: DurationText.parse)
  var maxRetry = Duration.seconds(900)

  @Option(help: "A dead worker's tasks come back after this time. (default: 1m)", transform: DurationText.parse)
  var lease = Duration.seconds(60)

  @Option(help: "What a callback does about an existing check task.")
  var callbackStrategy = CallbackStrategy.coalesce

  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel = "notice"

  @Flag(
    help: ArgumentHelp(
      "Report on standard output and end when standard input closes: for a parent process.",
      visibility: .hidden
    )
  )
  var supervised = false

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("A port is between 0 and 65535.") }
    guard (1...1000).contains(workers) else { throw ValidationError("--workers is between 1 and 1000.") }
    guard (1...1000).contains(connections ?? 1) else {
      throw ValidationError("--connections is between 1 and 1000.")
    }
    guard (1...1000).contains(providerLimit ?? 1) else {
      throw ValidationError("--provider-limit is between 1 and 1000.")
    }
    guard !apiOnly || !workerOnly else { throw ValidationError("A process with neither does nothing.") }
    guard baseRetry > .zero else { throw ValidationError("--base-retry must be above zero.") }
    guard statementTimeout > .zero else { throw ValidationError("--statement-timeout must be above zero.") }
    guard lease >= .milliseconds(100) else { throw ValidationError("--lease must be at least 100ms.") }
    guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError("There is no such log level.") }
  }

  func run() async throws {
    try await HTTPClient.withHTTPClient(configuration: .connections(workers)) { client in
      guard temporaryDatabase else { return try await run(client, databaseURL) }
      try await EmbeddedPostgres.with { postgres in
        Log.make("payments").notice("temporary database", metadata: ["database": "\(postgres.connectionString)"])
        try await run(client, postgres.connectionString)
      }
    }
  }

  private func run(_ client: HTTPClient, _ databaseURL: String) async throws {
    let level = Logger.Level(rawValue: logLevel) ?? .notice
    let metrics = PrometheusMetrics.payments()
    MetricsSystem.bootstrap(metrics)
    let logger = Log.make("payments", level: level)
    let names = try provider.targets().map(\.name)
    let secrets = try SecretOption.byProvider(callbackSecret, variable: SecretOption.callbackSecret, names: names)
    for name in names where secrets[name] == nil {
      logger.warning(
        "no secret for callbacks: all are refused, and payments are only followed by asking",
        metadata: ["provider": "\(name)"]
      )
    }
    try services.check(isInsecure: provider.insecure)
    if let url = outbox.url {
      try OutgoingURL.check(url, option: "--webhook-url", isInsecure: provider.insecure)
    }
    // A handler holds one for a transaction; with fewer than handlers they wait for one another.
    let connections = self.connections ?? min(max(8, workers), 32)
    var database = LibpqConfiguration(databaseURL)
    let namespace = try await migrate(database)
    database.statementTimeout = statementTimeout
    let store = try PostgresTaskStore(.init(database, maxConnections: connections))
    do {
      let tasks = TaskClient(store: store)
      let app = PaymentsApp(
        settings: settings(client, namespace: namespace, callbackSecrets: secrets),
        client: tasks,
        providers: try provider.make(client, namespace: namespace, primary: primaryProvider)
          .guarded(limit: providerLimit, workers: workers, baseRetry: baseRetry, metrics: metrics, logger: logger),
        observer: supervised ? ParentProcess() : UnobservedAttempts(),
        metrics: metrics,
        logger: logger
      )
      try await app.turnEventsOn()
      try await app.checkExposure()
      try await group(app, level).run()
    } catch {
      await store.close()
      throw error
    }
    await store.close()
  }

  /// On connections of its own: a statement of an upgrade may take longer than one of a request.
  private func migrate(_ database: LibpqConfiguration) async throws -> String {
    let store = try PostgresTaskStore(.init(database))
    let result: Result<String, any Error>
    do { result = .success(try await PaymentsApp.migrate(TaskClient(store: store))) } catch { result = .failure(error) }
    await store.close()
    return try result.get()
  }

  private func settings(
    _ client: HTTPClient,
    namespace: String,
    callbackSecrets: [String: [String]]
  ) -> PaymentsApp.Settings {
    var settings = PaymentsApp.Settings(
      host: host,
      port: port,
      workers: workers,
      baseRetry: baseRetry,
      maxRetry: maxRetry,
      lease: lease,
      callbackStrategy: callbackStrategy,
      callbackSecrets: callbackSecrets,
      keyLifetime: limits.keyLifetime,
      backlogLimit: limits.backlogLimit,
      upkeep: limits.upkeep,
      services: services.make(client),
      orders: services.orders(client),
      inventorySecrets: inventory.all,
      payingStatuses: inventory.payingStatuses,
      allowsSeveralPerOrder: limits.severalPerOrder,
      outbox: outbox.make(client, namespace: namespace)
    )
    settings.role = apiOnly ? .api : workerOnly ? .worker : .all
    access.apply(to: &settings)
    return settings
  }

  /// Says where it listens, once it does.
  private func announce(_ app: PaymentsApp) async throws {
    let names: [(Audience, Logger.Message)] = [
      (.api, "payments listens"), (.provider, "callbacks are listened for"), (.monitoring, "numbers are listened for"),
    ]
    for (audience, message) in names {
      guard let address = app.listeners[audience] else { continue }
      let port = try await app.port(audience)
      if supervised, audience == .api { ParentProcess().listening(port) }
      app.logger.notice(message, metadata: ["url": "http://\(address.host):\(port)"])
    }
  }

  private func group(_ app: PaymentsApp, _ level: Logger.Level) throws -> ServiceGroup {
    let announcement = ClosureService {
      try await announce(app)
      try? await gracefulShutdown()
    }
    var services: [ServiceGroupConfiguration.ServiceConfiguration] = try app.services().map { .init(service: $0) }
    services.append(.init(service: announcement))
    if supervised {
      services.append(ParentProcess().service)
    }
    var configuration = ServiceGroupConfiguration(
      services: services,
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: Log.quiet("payments.lifecycle")
    )
    if supervised { configuration.maximumGracefulShutdownDuration = .seconds(5) }
    return ServiceGroup(configuration: configuration)
  }
}

extension CallbackStrategy: ExpressibleByArgument {}
