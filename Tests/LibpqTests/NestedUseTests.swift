import Libpq
import Testing

@Suite("Nested use of a pool")
struct NestedUseTests {
  private let statement = LibpqStatement("SELECT 1")

  @Test("Inside a pool's transaction every call of the same pool is refused at once, and the transaction goes on")
  func refused() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 4)
    let calls: [(LibpqPool) async throws -> Void] = [
      { _ = try await $0.query(statement) }, { _ = try await $0.query(statement, within: .seconds(5)) },
      { _ = try await $0.pipeline([statement]) }, { _ = try await $0.pipeline([statement], within: .seconds(5)) },
      { try await $0.executeScript("SELECT 1") }, { _ = try await $0.queryUninterrupted(statement) },
      { try await $0.withConnection { _ in } }, { try await $0.withTransaction { _ in } },
    ]
    for call in calls {
      try await pool.withTransaction { transaction async throws in
        let error = try await postgresError { try await call(pool) }
        #expect(error?.code == .nestedUse)
        #expect(error?.isRetrySafe == false)
        #expect(error?.message.contains("Use the transaction") == true)
        #expect(try await transaction.query("SELECT 1")[0].int8(0) == 1)
      }
    }
    #expect(try await pool.query("SELECT 1")[0].int8(0) == 1)
    await pool.close()
  }

  @Test("Children of the task are refused too; another pool is not, but a way back through it is")
  func children() async throws {
    let pool = LibpqPool(try await TestServer.configuration())
    let other = LibpqPool(try await TestServer.configuration())
    try await pool.withTransaction { _ async throws in
      async let child = postgresError { _ = try await pool.query("SELECT 1") }
      #expect(try await child?.code == .nestedUse)
      let grandchild = try await withThrowingTaskGroup(of: LibpqError?.self) { group in
        group.addTask { try await postgresError { _ = try await pool.query("SELECT 1") } }
        return try await group.next() ?? nil
      }
      #expect(grandchild?.code == .nestedUse)
      #expect(try await other.query("SELECT 1")[0].int8(0) == 1)
      try await other.withTransaction { inner async throws in
        #expect(try await inner.query("SELECT 1")[0].int8(0) == 1)
        #expect(try await postgresError { _ = try await pool.query("SELECT 1") }?.code == .nestedUse)
      }
      #expect(try await other.query("SELECT 1")[0].int8(0) == 1)
    }
    await pool.close()
    await other.close()
  }

  @Test("A task that outlives the transaction is served, whether it committed or rolled back")
  func outliving() async throws {
    struct Refused: Error {}
    let pool = LibpqPool(try await TestServer.configuration())
    for fails in [false, true] {
      let (stream, continuation) = AsyncStream<Void>.makeStream()
      let (tasks, hand) = AsyncStream<Task<Int64, any Error>>.makeStream()
      try? await pool.withTransaction { transaction async throws in
        _ = try await transaction.query("SELECT 1")
        let task = Task {
          for await _ in stream { break }
          return try await pool.query("SELECT 1")[0].int8(0)
        }
        hand.yield(task)
        if fails { throw Refused() }
      }
      continuation.yield()
      var iterator = tasks.makeAsyncIterator()
      let task = try #require(await iterator.next())
      #expect(try await task.value == 1)
    }
    await pool.close()
  }
}
