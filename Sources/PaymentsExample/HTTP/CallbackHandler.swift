import Libpq
import TaskQueue
import TaskQueuePostgres

/// Turns the provider's callbacks into checks.
///
/// The status in a callback is never believed: anybody could have sent it, and callbacks come late, twice, and out of
/// order. It only means that asking the provider is worth it now.
struct CallbackHandler: Sendable {
  /// What became of a callback. All of them are answered alike: the provider has nothing to repeat.
  enum Effect: Equatable, Sendable {
    /// A check will run.
    case checkScheduled
    /// No payment of ours has this provider id (yet; then its check is under way by itself).
    case unknownPayment
    /// Nothing left to check.
    case alreadyFinal
  }

  let store: PostgresTaskStore
  var strategy = CallbackStrategy.coalesce

  func handle(_ callback: ProviderCallback) async throws -> Effect {
    guard let payment = try await PaymentStore.find(providerId: callback.paymentProviderId, in: self.store.pool) else {
      return .unknownPayment
    }
    guard !payment.status.isFinal else { return .alreadyFinal }
    let check = CheckPayment(paymentId: payment.id)
    switch self.strategy {
    case .coalesce:
      try await TaskClient(store: self.store).enqueue(check, options: check.options)
    case .deleteDuplicates:
      let newest = try await TaskClient(store: self.store).enqueue(check)
      _ = try await self.store.deleteDuplicates(
        DuplicateFilter(
          olderThan: newest.id,
          type: CheckPayment.taskType,
          property: "paymentId",
          value: String(payment.id)
        )
      )
    }
    return .checkScheduled
  }
}
