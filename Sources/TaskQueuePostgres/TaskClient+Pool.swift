public import Libpq
public import TaskQueue

extension TaskClient where Store == PostgresTaskStore {
  /// The store's connections, for the app's own statements and transactions.
  public var pool: LibpqPool { store.pool }
}
