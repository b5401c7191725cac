import Hummingbird
import Libpq
import Logging
import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres

/// The parts of one `serve` process.
struct PaymentsApp: Sendable {
  struct Settings: Sendable {
    /// 0: any free one.
    var port = 0
    /// Payments worked on at one time.
    var workers = 16
    var baseRetry = Duration.seconds(60)
    /// nil: 2^14 times the base.
    var maximumRetry: Duration?
    var lease = Duration.seconds(60)
    var callbackStrategy = CallbackStrategy.coalesce
  }

  let settings: Settings
  let store: PostgresTaskStore
  let provider: any PaymentProvider
  let observer: any AttemptObserver
  let logger: Logger
  private let listeningPort = ListeningPort()

  init(
    settings: Settings,
    store: PostgresTaskStore,
    provider: any PaymentProvider,
    observer: any AttemptObserver = UnobservedAttempts(),
    logger: Logger
  ) {
    self.settings = settings
    self.store = store
    self.provider = provider
    self.observer = observer
    self.logger = logger
  }

  /// Brings the library's schema and the app's own up to date.
  func migrate() async throws {
    let configuration = self.store.configuration
    try await Migrator(configuration: configuration.connection, schema: configuration.schema).migrate()
    try await PaymentMigrations.apply(to: self.store.pool)
  }

  /// Waits until the server listens. For one caller, once.
  func port() async throws -> Int {
    try await self.listeningPort.wait()
  }

  func worker() throws -> TaskWorker {
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = self.settings.workers
    configuration.lease = self.settings.lease
    // One call to the provider is slow compared with a claim, and what waits here can't be had by another process.
    configuration.maximumPrefetch = 0
    return try TaskWorker(
      store: self.store,
      handlers: PaymentHandlers.make(
        store: self.store,
        provider: self.provider,
        baseRetry: self.settings.baseRetry,
        maximumRetry: self.settings.maximumRetry,
        observer: self.observer
      ),
      configuration: configuration,
      logger: self.logger
    )
  }

  func server() throws -> some Service {
    let callbacks = CallbackHandler(store: self.store, strategy: self.settings.callbackStrategy)
    return Application(
      router: PaymentRoutes(store: self.store, callbacks: callbacks).router(),
      configuration: .init(address: .hostname("127.0.0.1", port: self.settings.port), serverName: "payments"),
      onServerRunning: { [listeningPort] in listeningPort.report($0) },
      logger: Log.quiet("payments.http")
    )
  }
}
