import Libpq
import TaskQueue
import TaskQueuePostgres

/// How a payment begins.
enum PaymentCreation {
  /// Stores the payment and enqueues `payment.init` in one transaction.
  static func create(_ new: NewPayment, store: PostgresTaskStore) async throws -> Payment {
    try await store.pool.withTransaction { transaction in
      let payment = try await PaymentStore.insert(new, in: transaction)
      try await store.enqueue(InitPayment(paymentId: payment.id), in: transaction)
      return payment
    }
  }
}
