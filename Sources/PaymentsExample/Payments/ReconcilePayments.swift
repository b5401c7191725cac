import TaskQueue

/// Compare our books with the provider's, now and then for ever: one such task is alive at a time.
struct ReconcilePayments: TaskPayload {
  static let taskType: TaskType = "payments.reconcile"

  static var unique: UniqueKey { UniqueKey("payments.reconcile") }
}
