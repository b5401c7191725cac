import Libpq
import TaskQueue
import TaskQueuePostgres

/// All task handlers of the app.
enum PaymentHandlers {
  /// - Parameters:
  ///   - baseRetry: the wait after the first attempt; doubles, as machamp's 1 minute does.
  ///   - maximumRetry: the longest wait; nil: 2^14 times the base, as machamp's.
  ///   - upkeep: the periodic tasks' periods.
  static func make(
    store: PostgresTaskStore,
    provider: any PaymentProvider,
    baseRetry: Duration = .seconds(60),
    maximumRetry: Duration? = nil,
    upkeep: UpkeepSettings = .init(),
    observer: any AttemptObserver = UnobservedAttempts()
  ) throws -> TaskHandlers {
    let options = TaskHandlerOptions(
      retry: .exponential(base: baseRetry, cap: max(baseRetry, maximumRetry ?? baseRetry * 16_384)),
      // A payment is never given up because the provider is down for long.
      maxAttempts: Limits.maxAttempts
    )
    let effects = Effects(ledger: store)
    let initPayment = InitPaymentHandler(store: store, provider: provider)
    let checkPayment = CheckPaymentHandler(store: store, provider: provider)
    let cancelPayment = CancelPaymentHandler(store: store, provider: provider)
    let refundPayment = RefundPaymentHandler(store: store, provider: provider)
    var handlers = TaskHandlers()
    try handlers.register(InitPayment.self, effects: effects, options: options) { payload, context, effects in
      observer.began(payload.paymentId)
      defer { observer.ended(payload.paymentId) }
      return try await initPayment.handle(payload, context: context, effects: effects)
    }
    try handlers.register(CheckPayment.self, effects: effects, options: options) { payload, context, effects in
      observer.began(payload.paymentId)
      defer { observer.ended(payload.paymentId) }
      return try await checkPayment.handle(payload, context: context, effects: effects)
    }
    try handlers.register(CancelPayment.self, effects: effects, options: options) { payload, context, effects in
      observer.began(payload.paymentId)
      defer { observer.ended(payload.paymentId) }
      return try await cancelPayment.handle(payload, context: context, effects: effects)
    }
    try handlers.register(RefundPayment.self, effects: effects, options: options) { payload, context, effects in
      try await refundPayment.handle(payload, context: context, effects: effects)
    }
    try handlers.register(
      ReconcileHandler(store: store, provider: provider, settings: upkeep),
      options: options
    )
    return handlers
  }
}
