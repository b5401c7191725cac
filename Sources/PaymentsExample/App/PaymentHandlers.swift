import Libpq
import TaskQueue
import TaskQueuePostgres

/// All task handlers of the app.
enum PaymentHandlers {
  /// - Parameters:
  ///   - baseRetry: the wait after the first attempt; doubles, as machamp's 1 minute does. Up to a quarter less, at random.
  ///   - maxRetry: the longest wait; not machamp's 2^14 minutes: money is looked after more often.
  ///   - upkeep: the periodic tasks' periods.
  ///   - services: of the steps around payments.
  static func make(
    client: TaskClient<PostgresTaskStore>,
    providers: PaymentProviders,
    baseRetry: Duration = .seconds(60),
    maxRetry: Duration = .seconds(900),
    upkeep: UpkeepSettings = .init(),
    services: StepServices = .none,
    observer: any AttemptObserver = UnobservedAttempts()
  ) throws -> TaskHandlers {
    let options = TaskHandlerOptions(
      retry: .exponential(base: baseRetry, cap: max(baseRetry, maxRetry), jitter: 0.25),
      // A payment is never given up because the provider is down for long.
      maxAttempts: Limits.maxAttempts
    )
    var handlers = TaskHandlers()
    func register<Handler: PaymentTaskHandler>(_ make: @escaping @Sendable (any PaymentProvider) -> Handler) throws {
      try handlers.register(Handler.Payload.self, options: options) { payload, context in
        let payment = Handler.payment(of: payload)
        if let payment { observer.began(payment) }
        defer { if let payment { observer.ended(payment) } }
        return try await ProviderPatience.kept(context) {
          let handler = make(try providers.provider(try await Self.provider(of: payload, client) ?? providers.primary))
          return try await handler.handle(payload, context: context, effects: context.effects)
        }
      }
    }
    try register { InitPaymentHandler(client: client, provider: $0) }
    try register { CheckPaymentHandler(client: client, provider: $0) }
    try register { CancelPaymentHandler(client: client, provider: $0) }
    try register { RefundPaymentHandler(client: client, provider: $0) }
    try register { _ in SagaHandler(client: client, services: services, providers: providers) }
    let reconcile = ReconcileHandler(client: client, providers: providers, settings: upkeep)
    try handlers.register(ReconcilePayments.self, options: options) { payload, context in
      try await ProviderPatience.kept(context) { try await reconcile.handle(payload, context: context) }
    }
    return handlers
  }

  private static func provider(of payload: some TaskPayload, _ client: TaskClient<PostgresTaskStore>) async throws -> String? {
    var id: PaymentID?
    switch payload {
    case let payload as InitPayment: id = payload.paymentId
    case let payload as CheckPayment: id = payload.paymentId
    case let payload as CancelPayment: id = payload.paymentId
    case let payload as RefundPayment:
      let result = try await client.pool.query("SELECT payment_id FROM payments.refund WHERE id = $1", [.id(payload.refundId)])
      id = try result.rows.first?.id(0)
    default: return nil
    }
    guard let id else { return nil }
    return try await PaymentStore.find(id, in: client.pool)?.provider
  }
}

/// Is told when a handler begins and ends to work on a payment. For display; nothing depends on it.
package protocol AttemptObserver: Sendable {
  func began(_ paymentId: PaymentID)
  func ended(_ paymentId: PaymentID)
}

/// Tells nobody.
package struct UnobservedAttempts: AttemptObserver {
  package init() {}

  package func began(_ paymentId: PaymentID) {}
  package func ended(_ paymentId: PaymentID) {}
}
