import Hummingbird
import Libpq
import Logging
import NIOCore
import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres

/// The parts of one `serve` process.
struct PaymentsApp: Sendable {
  struct Settings: Sendable {
    /// The address to listen on. Whoever can reach it can pay: there is no authentication here.
    var host = "127.0.0.1"
    /// 0: any free one.
    var port = 0
    /// Payments worked on at one time.
    var workers = 16
    var baseRetry = Duration.seconds(60)
    /// nil: 2^14 times the base.
    var maxRetry: Duration?
    var lease = Duration.seconds(60)
    var callbackStrategy = CallbackStrategy.coalesce
    /// Of the provider's signatures; empty: every callback is refused.
    var callbackSecrets: [String] = []
    /// How long an idempotency key is remembered.
    var keyLifetime = Duration.seconds(86_400)
    /// The most payments that may be open.
    var backlogLimit = 100_000
    var upkeep = UpkeepSettings()
    var connections = ConnectionLimits()
    /// Of the steps around payments.
    var services = StepServices.none
    /// Knows what the orders of inventory events cost.
    var orders: (any OrderSource)?
    /// Of the inventory service's signatures; empty: every event of it is refused.
    var inventorySecrets: [String] = []
    /// Who gets the payments' events; nil: this process publishes none.
    var outbox: OutboxSettings?
  }

  /// Of a process that works on a payment, until the payment is left to a person. Many: whoever kills processes again and
  /// again isn't to make dead letters of the payments that they happen to hold.
  static let maxCrashes = 1000

  let settings: Settings
  let store: PostgresTaskStore
  let provider: any PaymentProvider
  let observer: any AttemptObserver
  let metrics: PrometheusMetrics
  let logger: Logger
  private let listeningPort = ListeningPort()

  init(
    settings: Settings,
    store: PostgresTaskStore,
    provider: any PaymentProvider,
    observer: any AttemptObserver = UnobservedAttempts(),
    metrics: PrometheusMetrics = PrometheusMetrics(),
    logger: Logger
  ) {
    self.settings = settings
    self.store = store
    self.provider = provider
    self.observer = observer
    self.metrics = metrics
    self.logger = logger
  }

  /// Brings the library's schema and the app's own up to date.
  func migrate() async throws {
    let configuration = self.store.configuration
    try await Migrator(configuration: configuration.connection, schema: configuration.schema).migrate()
    try await PaymentMigrations.apply(to: self.store.pool)
    // Before anything is accepted here, so that no event of it is missing.
    if self.settings.outbox != nil { try await OutboxStore.switchOn(in: self.store.pool) }
  }

  /// Waits until the server listens. For one caller, once.
  func port() async throws -> Int {
    try await self.listeningPort.wait()
  }

  func worker() throws -> TaskWorker {
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = self.settings.workers
    configuration.lease = self.settings.lease
    configuration.maxCrashes = Self.maxCrashes
    // One call to the provider is slow compared with a claim, and what waits here can't be had by another process.
    configuration.maxPrefetch = 0
    return try TaskWorker(
      store: self.store,
      handlers: PaymentHandlers.make(
        store: self.store,
        provider: self.provider,
        baseRetry: self.settings.baseRetry,
        maxRetry: self.settings.maxRetry,
        upkeep: self.settings.upkeep,
        services: self.settings.services,
        observer: self.observer
      ),
      configuration: configuration,
      logger: self.logger
    )
  }

  /// Publishes events, in a lane and with slots of its own; nil: there is nobody to publish them to.
  func publisher() throws -> TaskWorker? {
    guard let outbox = self.settings.outbox else { return nil }
    var configuration = TaskWorkerConfiguration()
    configuration.queues = [PublishEvents.queue]
    configuration.concurrency = self.settings.workers
    configuration.lease = self.settings.lease
    configuration.maxCrashes = Self.maxCrashes
    configuration.maxPrefetch = 0
    return try TaskWorker(
      store: self.store,
      handlers: OutboxHandlers.make(store: self.store, settings: outbox),
      configuration: configuration,
      logger: self.logger
    )
  }

  /// Sees to it that the periodic tasks are alive: one of each, whichever process enqueues it.
  func scheduleUpkeep() async throws {
    let client = TaskClient(store: self.store)
    if self.settings.upkeep.reconciliationPeriod != nil {
      try await client.enqueue(ReconcilePayments(), options: .with { $0.unique = ReconcilePayments.unique })
    }
    if self.settings.outbox != nil { try await client.enqueue(TendOutbox(), options: TendOutbox.options(.now)) }
  }

  /// What runs beside the worker and the server: the alarms, and the purge of what has expired.
  func upkeepServices() throws -> [any Service] {
    let upkeep = self.settings.upkeep
    let inbox = CallbackInbox(store: self.store, retention: upkeep.callbackLifetime)
    let purge = PeriodicPurge(interval: upkeep.purgePeriod, logger: self.logger) {
      let keys = try await IdempotencyStore.purge(in: self.store.pool)
      let callbacks = try await inbox.purgeExpired()
      let effects = try await self.store.purgeEffects(olderThan: upkeep.effectLifetime)
      guard let outbox = self.settings.outbox else { return keys + callbacks + effects }
      return try await keys + callbacks + effects + OutboxStore.purge(olderThan: outbox.retention, in: self.store.pool)
    }
    return [try PaymentAlarms(logger: self.logger).monitor(self.store, upkeep), purge]
  }

  func api() -> PaymentAPI {
    PaymentAPI(
      store: self.store,
      capabilities: self.provider.capabilities,
      callbacks: CallbackHandler(
        store: self.store,
        strategy: self.settings.callbackStrategy,
        retention: self.settings.upkeep.callbackLifetime
      ),
      callbackSecrets: self.settings.callbackSecrets,
      callbackFormat: self.provider.callbackFormat,
      idempotency: IdempotencyGate(store: self.store, lifetime: self.settings.keyLifetime),
      backlog: BacklogGate(limit: self.settings.backlogLimit, pool: self.store.pool),
      metrics: self.metrics,
      services: self.settings.services,
      orders: self.settings.orders,
      inventorySecrets: self.settings.inventorySecrets
    )
  }

  func server() -> some Service {
    let limits = self.settings.connections
    return Application(
      responder: PaymentResponder(operations: self.api().operations, metrics: self.metrics, logger: self.logger),
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
        address: .hostname(self.settings.host, port: self.settings.port),
        serverName: "payments",
        availableConnectionsDelegate: .maximum(limits.connections, logger: Log.quiet("payments.http"))
      ),
      onServerRunning: { [listeningPort] in listeningPort.report($0) },
      logger: Log.quiet("payments.http")
    )
  }
}
