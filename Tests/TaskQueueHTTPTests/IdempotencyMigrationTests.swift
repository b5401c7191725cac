import Foundation
import HTTPTypes
import Libpq
import TaskQueueHTTP
import TaskQueueTestKit
import Testing

@Suite("The table of idempotency keys")
struct IdempotencyMigrationTests {
  @Test(
    "Is made once, however many start at once, in each schema that is named, also in one that is there and oddly called"
  )
  func migrations() async throws {
    try await withTestDatabase(migrated: false) { database in
      let pool = LibpqPool(database.postgresConfiguration, maxConnections: 8)
      let names = ["shop", #"odd "name"; '$1"#]
      try await pool.executeScript("CREATE SCHEMA shop")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for name in names + names + names { group.addTask { try await IdempotencyStore(schema: name).migrate(pool) } }
        try await group.waitForAll()
      }
      for name in names {
        let store = IdempotencyStore(schema: name)
        try await store.migrate(pool)
        let gate = IdempotencyGate(store: store, pool: pool)
        let key = RequestKey(caller: "c", operation: "o", key: "k")
        let answer = try await gate.answer(key, RequestFingerprint(ofBytes: Data())) { _ in IdempotentAnswer(.ok) }
        #expect(!answer.isReplayed)
        #expect(try await store.isAnswered(key, in: pool))
      }
      await pool.close()
    }
  }

  @Test("A role that may not create anything starts on a table that is there, and is told so where there is none")
  func rights() async throws {
    try await withTestDatabase(migrated: false) { database in
      let pool = LibpqPool(database.postgresConfiguration, maxConnections: 2)
      let store = IdempotencyStore(schema: "shop")
      try await store.migrate(pool)
      let role = "http_\(UInt32.random(in: 0 ... .max))"
      try await pool.executeScript(
        """
        CREATE ROLE \(role);
        GRANT USAGE ON SCHEMA shop TO \(role);
        GRANT SELECT ON shop.http_migration TO \(role);
        GRANT SELECT, INSERT, UPDATE, DELETE ON shop.idempotency_key TO \(role);
        """
      )
      let limited = LibpqPool(database.postgresConfiguration, maxConnections: 1)
      try await limited.executeScript("SET ROLE \(role)")
      try await store.migrate(limited)
      let gate = IdempotencyGate(store: store, pool: limited)
      let key = RequestKey(caller: "c", operation: "o", key: "k")
      _ = try await gate.answer(key, RequestFingerprint(ofBytes: Data())) { _ in IdempotentAnswer(.ok) }
      #expect(try await store.purge(in: limited) == 0)
      let error = await #expect(throws: LibpqError.self) {
        try await IdempotencyStore(schema: "other").migrate(limited)
      }
      #expect(error?.sqlState == "42501")
      await limited.close()
      try await pool.executeScript("DROP OWNED BY \(role); DROP ROLE \(role)")
      await pool.close()
    }
  }
}
