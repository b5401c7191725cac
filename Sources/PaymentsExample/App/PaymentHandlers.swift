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
      maxAttempts: Limits.maxAttempts,
      neverRetry: [RefundImpossible.self]
    )
    let troubles = TroubleNotes(pool: client.pool)
    var handlers = TaskHandlers()
    func register<Handler: PaymentTaskHandler>(_ handler: Handler) throws {
      try handlers.register(Handler.Payload.self, options: options) { payload, context in
        let payment = Handler.payment(of: payload)
        if let payment { observer.began(payment) }
        defer { if let payment { observer.ended(payment) } }
        let subject =
          payment.map { .payment($0) } ?? (payload as? RefundPayment).map { PaymentTrouble.Subject.refund($0.refundId) }
        do {
          return try await ProviderPatience.kept(context) {
            try await troubles.noting(subject, context) { try await handler.handle(payload, context: context) }
          }
        } catch is PaymentChanged {
          return .again(after: .zero)
        }
      }
    }
    try register(InitPaymentHandler(client: client, providers: providers, firstLook: baseRetry))
    try register(CheckPaymentHandler(client: client, providers: providers, unknownWithin: upkeep.finalWithin))
    try register(CancelPaymentHandler(client: client, providers: providers))
    try register(RefundPaymentHandler(client: client, providers: providers))
    try register(SagaHandler(client: client, services: services, providers: providers))
    let reconcile = ReconcileHandler(client: client, providers: providers, settings: upkeep)
    try handlers.register(ReconcilePayments.self, options: options) { payload, context in
      try await ProviderPatience.kept(context) { try await reconcile.handle(payload, context: context) }
    }
    let purge = PurgeHandler(client: client, settings: upkeep)
    try handlers.register(Purge.self, options: options) { payload, context in
      try await purge.handle(payload, context: context)
    }
    return handlers
  }

  /// The periodic tasks, one per slot however many processes there are. A slot that comes while the one before it runs is left out.
  static func schedules(_ upkeep: UpkeepSettings, providers: PaymentProviders) throws -> TaskSchedules {
    var schedules = TaskSchedules()
    let options = ScheduleOptions.with { $0.overlap = .skip }
    try schedules.add("payments.purge", .every(upkeep.purgePeriod), Purge(), options: options)
    guard let period = upkeep.reconciliationPeriod else { return schedules }
    for name in providers.names {
      let payload = ReconcilePayments(provider: name)
      try schedules.add("payments.reconcile.\(name)", .every(period), payload, options: options)
    }
    return schedules
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
