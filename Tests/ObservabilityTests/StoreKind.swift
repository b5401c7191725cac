@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit

/// Which store a test runs on.
enum StoreKind: CaseIterable, Sendable {
  case inMemory, postgres

  func with<Value>(_ body: (any StoreContract) async throws -> Value) async throws -> Value {
    switch self {
    case .inMemory: return try await body(InMemoryTaskStore())
    case .postgres:
      return try await withTestDatabase { database in
        let store = try PostgresTaskStore(.init(database.postgresConfiguration))
        let result: Result<Value, any Error>
        do { result = .success(try await body(store)) } catch { result = .failure(error) }
        await store.close()
        return try result.get()
      }
    }
  }
}
