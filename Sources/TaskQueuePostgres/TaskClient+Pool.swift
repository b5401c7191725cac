public import Libpq
public import TaskQueue

extension TaskClient where Store == PostgresTaskStore {
  /// The store's connections, for the app's own statements and transactions.
  public var pool: LibpqPool { store.pool }

  /// As ``withTransaction(_:)``, perhaps in one transaction with what other callers do at the moment: so many short transactions cost few
  /// commits. The body may run twice, the second time with nothing of the first one left, and must do nothing but ask the database; see
  /// `LibpqTransactionGroups`.
  ///
  /// - Parameter order: of the bodies in a group: what they lock, such as the business row's id.
  @discardableResult
  public func withGroupedTransaction<Value: Sendable>(
    order: String,
    _ body: @escaping @Sendable (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    try await store.withGroupedTransaction(order: order, body)
  }
}
