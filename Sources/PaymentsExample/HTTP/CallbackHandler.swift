import Libpq
import TaskQueue
import TaskQueuePostgres

/// Turns the provider's callbacks into checks. Their signature has been checked.
///
/// The status in a callback is never believed: callbacks come late, twice, and out of order. It only means that asking
/// the provider is worth it now.
struct CallbackHandler: Sendable {
  /// What became of a callback. All of them are answered alike: the provider has nothing to repeat.
  enum Effect: Equatable, Sendable {
    /// A check will run.
    case checkScheduled
    /// No payment of ours has this provider id yet. It is remembered; whoever stores the id enqueues the check.
    case remembered
    /// Nothing left to check.
    case alreadyFinal
  }

  let store: PostgresTaskStore
  var strategy = CallbackStrategy.coalesce

  /// One transaction, in turns with the one who stores the provider's id.
  func handle(_ callback: ProviderCallback) async throws -> Effect {
    try await self.store.pool.withTransaction { transaction in
      try await UnmatchedCallbacks.lock(callback.paymentProviderId, in: transaction)
      guard let payment = try await PaymentStore.find(providerId: callback.paymentProviderId, in: transaction) else {
        try await UnmatchedCallbacks.remember(callback, in: transaction)
        return .remembered
      }
      guard !payment.status.isFinal else { return .alreadyFinal }
      let check = CheckPayment(paymentId: payment.id)
      switch self.strategy {
      case .coalesce:
        try await self.store.enqueue(check, options: check.options, in: transaction)
      case .deleteDuplicates:
        let newest = try await self.store.enqueue(check, in: transaction)
        let older = DuplicateFilter(
          olderThan: newest.id,
          type: CheckPayment.taskType,
          property: "paymentId",
          value: String(payment.id)
        )
        _ = try await self.store.deleteDuplicates(older, in: transaction)
      }
      return .checkScheduled
    }
  }
}
