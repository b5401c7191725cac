import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("What the store's errors say")
struct StoreErrorTests {
  @Test("A server that takes no writes: where to look for one that does, and that the call may be repeated")
  func readOnly() async throws {
    try await withTestDatabase { database in
      let connection = database.configuration("options=-cdefault_transaction_read_only%3Don")
      let store = try PostgresTaskStore(.init(connection))
      let calls: [(PostgresTaskStore) async throws -> Void] = [
        { _ = try await $0.add("one") }, { _ = try await $0.add("two") { $0.unique = UniqueKey("k") } },
        { store in
          let task = try NewTask(Note(text: "three"))
          try await store.pool.withTransaction { _ = try await store.enqueue([task], in: $0) }
        },
      ]
      for call in calls {
        let error = await #expect(throws: TaskQueueError.self) { try await call(store) }
        #expect(error?.code == .storeFailed && error?.isRetrySafe == true)
        #expect(error?.message.contains("target_session_attrs=read-write") == true)
        #expect(error?.isPassing == true)
      }
      await store.close()
    }
  }

  @Test("A closed store, and a server that is not there, are told apart from a refusal")
  func unreachable() async throws {
    let nowhere = try PostgresTaskStore(.init(LibpqConfiguration("host=127.0.0.1 port=1")))
    let refused = await #expect(throws: TaskQueueError.self) { try await nowhere.add("one") }
    #expect(refused?.message == "No connection to PostgreSQL could be opened.")
    #expect(refused?.isRetrySafe == true)
    await nowhere.close()
    let closed = await #expect(throws: TaskQueueError.self) { try await nowhere.add("one") }
    #expect(closed?.message == "The store was closed.")
    #expect(closed?.isRetrySafe == false)
  }
}
