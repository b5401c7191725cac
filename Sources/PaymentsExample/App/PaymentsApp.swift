import Hummingbird
import Libpq
package import Logging
import NIOCore
import Outbox
package import ServiceLifecycle
package import TaskQueue
package import TaskQueueHTTP
package import TaskQueuePostgres
package import TaskQueuePrometheus

/// The parts of one `serve` process.
package struct PaymentsApp: Sendable {
  package struct Settings: Sendable {
    /// The address to listen on. Beyond the loopback interface callers need keys; see ``checkExposure()``.
    package var host = "127.0.0.1"
    /// 0: any free one.
    package var port = 0
    /// Payments worked on at one time.
    package var workers = 16
    package var baseRetry = Duration.seconds(60)
    package var maxRetry = Duration.seconds(900)
    package var lease = Duration.seconds(60)
    package var callbackStrategy = CallbackStrategy.coalesce
    /// Of each provider's signatures, by its name; none: every callback of it is refused.
    package var callbackSecrets: [String: [String]] = [:]
    /// How long an idempotency key is remembered.
    package var keyLifetime = Duration.seconds(86_400)
    /// The most payments that may be open.
    package var backlogLimit = 100_000
    package var upkeep = UpkeepSettings()
    package var connections = ConnectionLimits()
    /// Of the steps around payments.
    package var services = StepServices.none
    /// Knows what the orders of inventory events cost.
    package var orders: (any OrderSource)?
    /// Of the inventory service's signatures; empty: every event of it is refused.
    package var inventorySecrets: [String] = []
    /// The inventory service's statuses that have an order paid.
    package var payingStatuses = InventoryEvent.payingStatuses
    /// Whether an order may have several payments.
    package var allowsSeveralPerOrder = false
    /// Who gets the payments' events; nil: this process publishes none.
    package var outbox: OutboxSettings?
    /// Of callbacks and inventory events; nil: the API's.
    package var callbackAddress: ListenAddress?
    /// Of the numbers, which need no key there; nil: the API's, where they need one.
    package var metricsAddress: ListenAddress?
    /// Names that the servers are reached by, beside those of this machine and addresses.
    package var allowedHosts: [String] = []
    package var role = ProcessRole.all
    /// Requests that may wait for results at one time; more are answered at once.
    package var maxWaiters = 1000
    /// For each caller with a key; nil: none.
    package var callerLimit: RateLimit?
    /// For each address, of requests without a key; nil: none.
    package var addressLimit: RateLimit?

    package init(
      host: String = "127.0.0.1",
      port: Int = 0,
      workers: Int = 16,
      baseRetry: Duration = .seconds(60),
      maxRetry: Duration = .seconds(900),
      lease: Duration = .seconds(60),
      callbackStrategy: CallbackStrategy = CallbackStrategy.coalesce,
      callbackSecrets: [String: [String]] = [:],
      keyLifetime: Duration = .seconds(86_400),
      backlogLimit: Int = 100_000,
      upkeep: UpkeepSettings = UpkeepSettings(),
      connections: ConnectionLimits = ConnectionLimits(),
      services: StepServices = StepServices.none,
      orders: (any OrderSource)? = nil,
      inventorySecrets: [String] = [],
      payingStatuses: Set<String> = InventoryEvent.payingStatuses,
      allowsSeveralPerOrder: Bool = false,
      outbox: OutboxSettings? = nil
    ) {
      self.host = host
      self.port = port
      self.workers = workers
      self.baseRetry = baseRetry
      self.maxRetry = maxRetry
      self.lease = lease
      self.callbackStrategy = callbackStrategy
      self.callbackSecrets = callbackSecrets
      self.keyLifetime = keyLifetime
      self.backlogLimit = backlogLimit
      self.upkeep = upkeep
      self.connections = connections
      self.services = services
      self.orders = orders
      self.inventorySecrets = inventorySecrets
      self.payingStatuses = payingStatuses
      self.allowsSeveralPerOrder = allowsSeveralPerOrder
      self.outbox = outbox
    }
  }

  /// Of a process that works on a payment, until the payment is left to a person. Many: whoever kills processes again and
  /// again isn't to make dead letters of the payments that they happen to hold.
  static let maxCrashes = 1000

  package let settings: Settings
  package let client: TaskClient<PostgresTaskStore>
  package let providers: PaymentProviders
  package let observer: any AttemptObserver
  package let metrics: PrometheusMetrics
  package let logger: Logger
  private let ports: [Audience: ListeningPort]
  private let waits: PaymentWaits
  private let refusals: RefusedSignatures

  package init(
    settings: Settings,
    client: TaskClient<PostgresTaskStore>,
    providers: PaymentProviders,
    observer: any AttemptObserver = UnobservedAttempts(),
    metrics: PrometheusMetrics = .payments(),
    logger: Logger
  ) {
    self.settings = settings
    self.client = client
    self.providers = providers
    self.observer = observer
    self.metrics = metrics
    self.logger = logger
    refusals = RefusedSignatures(metrics: metrics, logger: logger)
    waits = PaymentWaits(pool: client.pool, maxWaiters: settings.maxWaiters)
    ports = Dictionary(uniqueKeysWithValues: Audience.allCases.map { ($0, ListeningPort()) })
  }

  /// Who listens where: the API, and those that have an address of their own.
  package var listeners: [Audience: ListenAddress] {
    var listeners: [Audience: ListenAddress] = [:]
    listeners[.monitoring] = settings.metricsAddress
    guard settings.role.serves else { return listeners }
    listeners[.api] = ListenAddress(host: settings.host, port: settings.port)
    listeners[.provider] = settings.callbackAddress
    return listeners
  }

  /// Brings the library's schema and the app's own up to date.
  /// - Returns: the database's ``PaymentNamespace``.
  package static func migrate(_ client: TaskClient<PostgresTaskStore>) async throws -> String {
    let configuration = client.store.configuration
    try await Migrator(configuration: configuration.connection, schema: configuration.schema).migrate()
    try await PaymentMigrations.apply(to: client.pool)
    return try await PaymentNamespace.find(in: client.pool)
  }

  /// The same, and has events written if this process publishes them.
  package func migrate() async throws {
    _ = try await Self.migrate(client)
    try await turnEventsOn()
  }

  /// Has events written if this process publishes them. Before anything is accepted here, so that no event of it is missing.
  package func turnEventsOn() async throws {
    if settings.outbox != nil { try await EventOutbox.payments.setMode(.publisher, in: client.pool) }
  }

  /// Sees to it that the API isn't open to everybody.
  /// - Throws: ``CommandError`` if it is to listen beyond the loopback interface and there is no key.
  package func checkExposure() async throws {
    guard settings.role.serves, !HostName(settings.host).isLoopback else { return }
    guard try await APIKeyStore.live(in: client.pool).keys.isEmpty else { return }
    throw CommandError(
      """
      Others than this machine can reach \(settings.host), and there is no key that tells who may pay. Make one with \
      `payments keys add NAME --scope create --scope read`, or listen on 127.0.0.1.
      """
    )
  }

  /// Waits until the server listens. For one caller, once for each of ``listeners``.
  package func port(_ audience: Audience = .api) async throws -> Int {
    guard let port = ports[audience] else { throw CancellationError() }
    return try await port.wait()
  }

  package func worker() throws -> TaskWorker {
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = settings.workers
    configuration.lease = settings.lease
    configuration.maxCrashes = Self.maxCrashes
    // What waits here can't be had by another process, so it is little; with a slow provider it is nothing.
    configuration.maxPrefetch = settings.workers
    return try TaskWorker(
      store: client.store,
      handlers: PaymentHandlers.make(
        client: client,
        providers: providers,
        baseRetry: settings.baseRetry,
        maxRetry: settings.maxRetry,
        upkeep: settings.upkeep,
        services: settings.services,
        observer: observer
      ),
      schedules: PaymentHandlers.schedules(settings.upkeep, providers: providers),
      configuration: configuration,
      logger: logger
    )
  }

  /// Publishes events, in a lane and with slots of its own; nil: there is nobody to publish them to.
  package func publisher() throws -> TaskWorker? {
    guard let outbox = settings.outbox else { return nil }
    var configuration = TaskWorkerConfiguration()
    configuration.queues = [EventOutbox.queue]
    configuration.concurrency = settings.workers
    configuration.lease = settings.lease
    configuration.maxCrashes = Self.maxCrashes
    configuration.maxPrefetch = 0
    var handlers = TaskHandlers()
    try EventOutbox.payments.registerPublisher(
      in: &handlers,
      client: client,
      transport: outbox.transport,
      configuration: outbox.publisher
    )
    return try TaskWorker(
      store: client.store,
      handlers: handlers,
      configuration: configuration,
      logger: logger
    )
  }

  /// All that this process runs, by its role.
  package func services() throws -> [any Service] {
    var services: [any Service] = settings.role.works ? [try worker()] : []
    if settings.role.serves { services.append(server()) }
    services += furtherServers()
    guard settings.role.works else { return services }
    if let publisher = try publisher() { services.append(publisher) }
    return try services + upkeepServices()
  }

  /// What runs beside the worker and the server.
  package func upkeepServices() throws -> [any Service] {
    let upkeep = settings.upkeep
    var services: [any Service] = [try PaymentAlarms(logger: logger).monitor(client.store, upkeep)]
    if let outbox = settings.outbox {
      services.append(
        OutboxUpkeep(
          .payments,
          pool: client.pool,
          interval: outbox.upkeepPeriod,
          recoveryAge: outbox.recoveryAge,
          retention: outbox.retention,
          logger: logger
        )
      )
    }
    return services
  }

  package func api() -> PaymentAPI {
    PaymentAPI(
      client: client,
      providers: providers,
      callbacks: providers.all.map { name, provider in
        CallbackSource(
          handler: CallbackHandler(
            provider: name,
            client: client,
            strategy: settings.callbackStrategy,
            retention: settings.upkeep.callbackLifetime
          ),
          secrets: settings.callbackSecrets[name] ?? [],
          format: provider.callbackFormat
        )
      },
      idempotency: IdempotencyGate(store: .payments, pool: client.pool, lifetime: settings.keyLifetime),
      backlog: .payments(limit: settings.backlogLimit, in: client.pool),
      metrics: metrics,
      refusals: refusals,
      creation: PaymentCreation(
        client: client,
        providers: providers.names,
        primary: providers.primary,
        services: settings.services,
        allowsSeveralPerOrder: settings.allowsSeveralPerOrder
      ),
      orders: settings.orders,
      inventorySecrets: settings.inventorySecrets,
      payingStatuses: settings.payingStatuses,
      waits: waits
    )
  }

  /// Of the API, and of callbacks and numbers that have no address of their own.
  package func server() -> some Service {
    let apart = Set(listeners.filter { $0.key != .api }.keys)
    return server(of: api().operations.filter { !apart.contains($0.audience) }, at: .api)
  }

  /// Of callbacks and numbers that have an address of their own.
  package func furtherServers() -> [any Service] {
    listeners.keys.filter { $0 != .api }.map { audience in
      server(of: api().operations(for: audience), at: audience)
    }
  }

  private func server(of operations: [APIOperation], at audience: Audience) -> some Service {
    let address = listeners[audience] ?? ListenAddress()
    let gate = RequestGate(
      callers: CallerDirectory(pool: client.pool, needsKeys: !HostName(settings.host).isLoopback),
      sites: SiteCheck(
        names: settings.allowedHosts,
        listening: [settings.host, address.host],
        hint: "Name it with --allowed-host if this server is reached by it."
      ),
      callerLimit: settings.callerLimit.map { RateLimiter($0) },
      addressLimit: settings.addressLimit.map { RateLimiter($0) }
    )
    let port = ports[audience]
    let limits = settings.connections
    var application = Application(
      responder: PaymentResponder(operations: operations, gate: gate, metrics: metrics, logger: logger),
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [ConnectionGuard(limits: limits)],
          idleTimeout: TimeAmount(limits.idle),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: limits.headerBytes,
            maxHeaderListSize: limits.headerBytes,
            maxHeaderFieldCount: limits.headers
          )
        )
      ),
      configuration: .init(
        address: .hostname(address.host, port: address.port),
        serverName: "payments",
        availableConnectionsDelegate: .maximum(limits.connections, logger: Log.quiet("payments.http"))
      ),
      onServerRunning: { port?.report($0) },
      logger: Log.quiet("payments.http")
    )
    // Ends after the server, whose requests may wait.
    if audience == .api { application.addServices(waits) }
    return application
  }
}
