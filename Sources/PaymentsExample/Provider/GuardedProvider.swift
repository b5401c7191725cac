package import Foundation
package import Logging
import Synchronization
import TaskQueueHTTP
package import TaskQueuePrometheus

/// A provider behind a ``CircuitBreaker``: what fails or hangs is left alone until it answers again, and never holds more than its share
/// of the workers.
///
/// A call that isn't let through fails at once with `unsent`, and with the time to come back at. Nobody waits here.
package final class GuardedProvider: PaymentProvider {
  private let name: String
  private let provider: any PaymentProvider
  private let breaker: Mutex<CircuitBreaker>
  private let metrics: PrometheusMetrics
  private let logger: Logger

  init(
    _ provider: any PaymentProvider,
    name: String,
    settings: CircuitBreaker.Settings,
    metrics: PrometheusMetrics,
    logger: Logger
  ) {
    self.name = name
    self.provider = provider
    self.metrics = metrics
    self.logger = logger
    breaker = Mutex(CircuitBreaker(settings))
    show(.closed)
  }

  package var capabilities: ProviderCapabilities { provider.capabilities }
  package var callLimit: Duration { provider.callLimit }
  package var keyLifetime: Duration? { provider.keyLifetime }
  package var callbackFormat: ProviderCallbackFormat { provider.callbackFormat }

  package func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    try await guarded { try await provider.create(request, idempotencyKey: idempotencyKey) }
  }

  package func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? {
    try await guarded { try await provider.execute(id: id, idempotencyKey: idempotencyKey) }
  }

  package func payment(id: String) async throws -> ProviderPayment {
    try await guarded { try await provider.payment(id: id) }
  }

  package func payments(reference: String) async throws -> [ProviderPayment] {
    try await guarded { try await provider.payments(reference: reference) }
  }

  package func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    try await guarded { try await provider.payments(in: window, after: cursor) }
  }

  package func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment {
    try await guarded { try await provider.cancel(id: id, idempotencyKey: idempotencyKey) }
  }

  package func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    try await guarded { try await provider.refund(request, idempotencyKey: idempotencyKey) }
  }

  package func refunds(paymentId: String) async throws -> [ProviderRefund] {
    try await guarded { try await provider.refunds(paymentId: paymentId) }
  }

  package func disputes(paymentId: String) async throws -> [ProviderRefund] {
    try await guarded { try await provider.disputes(paymentId: paymentId) }
  }

  private func guarded<Value>(_ call: () async throws -> Value) async throws -> Value {
    let ticket = try begin()
    do {
      let value = try await call()
      _ = end(ticket, .works)
      return value
    } catch {
      throw end(ticket, Self.verdict(error)).map { Self.error(error, name, $0) } ?? error
    }
  }

  /// The same error with the time to come back at.
  private static func error(_ error: any Error, _ name: String, _ wait: Duration) -> any Error {
    var failure =
      error as? ProviderError
      ?? ProviderError(code: .unanswered, call: "a call to provider \(name)", httpStatus: 0, reason: "\(error)")
    failure.retryAfter = failure.retryAfter ?? wait
    return failure
  }

  private func begin() throws -> CircuitBreaker.Ticket {
    let now = ContinuousClock.now
    let (admission, state) = breaker.withLock { breaker in
      var generator = SystemRandomNumberGenerator()
      return (breaker.begin(at: now, using: &generator), breaker.state)
    }
    switch admission {
    case .admitted(let ticket):
      if state != .closed { show(state) }
      return ticket
    case .refused(let state, let wait):
      let reason = state == .closed ? "limit" : "breaker"
      metrics.increment("payments_provider_calls_refused_total", [("provider", name), ("reason", reason)])
      throw ProviderError.unsent(
        state == .closed ? "provider \(name) has enough calls under way" : "provider \(name) is left alone",
        wait
      )
    }
  }

  private func end(_ ticket: CircuitBreaker.Ticket, _ verdict: CircuitBreaker.Verdict) -> Duration? {
    let now = ContinuousClock.now
    let (before, wait, after) = breaker.withLock { breaker in
      var generator = SystemRandomNumberGenerator()
      let before = breaker.state
      let wait = breaker.end(ticket, verdict, at: now, using: &generator)
      return (before, wait, breaker.state)
    }
    guard before != after else { return wait }
    show(after)
    if before == .closed {
      logger.warning(
        "the provider fails: it is left alone, but for a call now and then",
        metadata: ["provider": "\(name)"]
      )
    } else if after == .closed {
      logger.notice("the provider answers again", metadata: ["provider": "\(name)"])
    }
    return wait
  }

  private func show(_ state: CircuitBreaker.State) {
    for each in CircuitBreaker.State.allCases {
      metrics.set("payments_provider_breaker", each == state ? 1 : 0, [("provider", name), ("state", each.rawValue)])
    }
  }

  /// Whoever says no, works. 401 is no answer to a request: nothing gets through until somebody mends the key.
  private static func verdict(_ error: any Error) -> CircuitBreaker.Verdict {
    switch error {
    case _ where Task.isCancelled, is CancellationError: return .nothing
    // Says what is wrong with a question of ours.
    case is CommandError: return .works
    case let error as ProviderError:
      if let time = error.retryAfter, [429, 503].contains(error.httpStatus) { return .patience(time) }
      switch error.code {
      case .refused, .unsupported, .unknownPayment: return .works
      case .undecodableAnswer, .unanswered, .unsent: return .fails
      case .unexpectedStatus:
        return [401, 408, 429].contains(error.httpStatus) || error.httpStatus >= 500 ? .fails : .works
      }
    default: return .fails
    }
  }
}

extension PaymentProviders {
  /// Each behind a breaker of its own.
  ///
  /// - Parameters:
  ///   - limit: of calls under way at one provider; nil: as many as leave a worker for each of the others, at most three quarters of them;
  ///     all if there is only one.
  ///   - workers: that make the calls.
  ///   - baseRetry: a provider that fails is tried again after ``CircuitBreaker/Settings/probePeriod``, or this if it is shorter.
  package func guarded(
    limit: Int? = nil,
    workers: Int,
    baseRetry: Duration,
    metrics: PrometheusMetrics,
    logger: Logger
  ) -> PaymentProviders {
    let share = names.count == 1 ? workers : max(1, min(workers * 3 / 4, (workers - 1) / (names.count - 1)))
    var settings = CircuitBreaker.Settings(limit: limit ?? share)
    settings.probePeriod = min(settings.probePeriod, max(baseRetry, settings.pause))
    return mapped { [settings] name, provider in
      GuardedProvider(provider, name: name, settings: settings, metrics: metrics, logger: logger)
    }
  }
}
