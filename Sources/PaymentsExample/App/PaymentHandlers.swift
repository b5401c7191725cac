import Libpq
import TaskQueue
import TaskQueuePostgres

/// All task handlers of the app.
enum PaymentHandlers {
  /// - Parameters:
  ///   - baseRetry: the wait after the first attempt; doubles, as machamp's 1 minute does.
  ///   - maxRetry: the longest wait; nil: 2^14 times the base, as machamp's.
  ///   - upkeep: the periodic tasks' periods.
  ///   - services: of the steps around payments.
  static func make(
    store: PostgresTaskStore,
    provider: any PaymentProvider,
    baseRetry: Duration = .seconds(60),
    maxRetry: Duration? = nil,
    upkeep: UpkeepSettings = .init(),
    services: StepServices = .none,
    observer: any AttemptObserver = UnobservedAttempts()
  ) throws -> TaskHandlers {
    let options = TaskHandlerOptions(
      retry: .exponential(base: baseRetry, cap: max(baseRetry, maxRetry ?? baseRetry * 16_384)),
      // A payment is never given up because the provider is down for long.
      maxAttempts: Limits.maxAttempts
    )
    let effects = Effects(ledger: store)
    var handlers = TaskHandlers()
    func register<Handler: PaymentTaskHandler>(_ handler: Handler) throws {
      try handlers.register(Handler.Payload.self, effects: effects, options: options) { payload, context, effects in
        let payment = Handler.payment(of: payload)
        if let payment { observer.began(payment) }
        defer { if let payment { observer.ended(payment) } }
        return try await ProviderPatience.kept(context) {
          try await handler.handle(payload, context: context, effects: effects)
        }
      }
    }
    try register(InitPaymentHandler(store: store, provider: provider))
    try register(CheckPaymentHandler(store: store, provider: provider))
    try register(CancelPaymentHandler(store: store, provider: provider))
    try register(RefundPaymentHandler(store: store, provider: provider))
    try register(SagaHandler(store: store, services: services, capabilities: provider.capabilities))
    let reconcile = ReconcileHandler(store: store, provider: provider, settings: upkeep)
    try handlers.register(ReconcilePayments.self, options: options) { payload, context in
      try await ProviderPatience.kept(context) { try await reconcile.handle(payload, context: context) }
    }
    return handlers
  }
}

/// Is told when a handler begins and ends to work on a payment. For display; nothing depends on it.
package protocol AttemptObserver: Sendable {
  func began(_ paymentId: Int64)
  func ended(_ paymentId: Int64)
}

/// Tells nobody.
package struct UnobservedAttempts: AttemptObserver {
  package init() {}

  package func began(_ paymentId: Int64) {}
  package func ended(_ paymentId: Int64) {}
}
