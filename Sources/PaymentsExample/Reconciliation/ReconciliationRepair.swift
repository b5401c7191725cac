package import TaskQueue
package import TaskQueuePostgres

/// Brings books together again by what is safe at any time: asking, registering, and dropping what was never executed.
/// Executed orphans, and amounts that differ, are for a person.
package struct ReconciliationRepair: Sendable {
  package let client: TaskClient<PostgresTaskStore>
  package let provider: any PaymentProvider
  /// As payments have it.
  package let providerName: String

  package init(
    client: TaskClient<PostgresTaskStore>,
    provider: any PaymentProvider,
    providerName: String = PaymentProviders.defaultName
  ) {
    self.client = client
    self.provider = provider
    self.providerName = providerName
  }

  /// - Returns: how many repairs were begun. What a provider refuses isn't one.
  package func carryOut(_ repairs: [ReconciliationReport.Repair]) async throws -> Int {
    let client = client
    var count = 0
    for repair in repairs {
      switch repair {
      case .check(let id):
        let check = CheckPayment(paymentId: id)
        try await client.enqueue(check, options: check.options)
      case .begin(let id):
        let steps = try await PaymentStore.steps(of: id, in: client.pool)
        let saga = RunSaga(paymentId: id)
        if !steps.isEmpty { try await client.enqueue(saga, options: saga.options) }
        // Not past the steps before it.
        let lines = try await PaymentEventStore.list(id, in: client.pool).filter { $0.kind == .stepPassed }
        guard steps.allSatisfy({ step in !step.isBefore || lines.contains { $0.detail == step.rawValue } }) else {
          break
        }
        let begin = InitPayment(paymentId: id)
        try await client.enqueue(begin, options: begin.options)
      case .cancel(let id):
        let cancel = CancelPayment(paymentId: id)
        try await client.enqueue(cancel, options: cancel.options)
      case .refund(let id):
        let refund = RefundPayment(refundId: id)
        try await client.enqueue(refund, options: refund.options)
      case .drop(let providerId):
        guard try await drop(providerId) else { continue }
      }
      count += 1
    }
    return count
  }

  private func drop(_ providerId: String) async throws -> Bool {
    guard provider.capabilities.contains(.cancels) else { return false }
    // It was an orphan when the books were read; it must still be one.
    guard try await PaymentStore.find(providerId: providerId, at: providerName, in: client.pool) == nil else {
      return false
    }
    do {
      _ = try await provider.cancel(id: providerId, idempotencyKey: "orphan-\(providerId)-cancel")
      return true
    } catch let error as ProviderError where error.isRefusal {
      return false
    }
  }
}
