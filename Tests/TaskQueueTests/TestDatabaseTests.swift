import Libpq
import TaskQueueTestKit
import Testing

@Suite("Test database")
struct TestDatabaseTests {
  @Test("is one of its own for each of many tests at once, and is dropped in spite of open connections")
  func ownDatabase() async throws {
    let names = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<8 {
        group.addTask {
          try await withTestDatabase { database in
            let connection = try await LibpqConnection.connect(database.postgresConfiguration)
            let result = try await connection.query(
              "SELECT current_database()::text, (SELECT count(*) FROM pg_tables WHERE schemaname = 'taskqueue') > 0"
            )
            #expect(try result[0].text(0) == database.name)
            #expect(try result[0].bool(1))
            return database.name
          }
        }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(names.count == 8)
    try await withTestDatabase(migrated: false) { database in
      let connection = try await LibpqConnection.connect(database.postgresConfiguration)
      let result = try await connection.query(
        "SELECT (SELECT count(*) FROM pg_database WHERE datname = ANY($1)), to_regnamespace('taskqueue') IS NULL",
        [.textArray(Array(names))]
      )
      #expect(try result[0].int8(0) == 0)
      #expect(try result[0].bool(1))
      await connection.close()
    }
  }

  @Test("is dropped when the test fails")
  func failure() async throws {
    struct Failure: Error {}
    var name: String?
    await #expect(throws: Failure.self) {
      try await withTestDatabase(migrated: false) { database in
        name = database.name
        throw Failure()
      }
    }
    let dropped = try #require(name)
    try await withTestDatabase(migrated: false) { database in
      let connection = try await LibpqConnection.connect(database.postgresConfiguration)
      let result = try await connection.query(
        "SELECT count(*) FROM pg_database WHERE datname = $1",
        [.text(dropped)]
      )
      #expect(try result[0].int8(0) == 0)
      await connection.close()
    }
  }

  @Test("comes with a trait, one per case", .database(migrated: false), arguments: 1...2)
  func trait(number: Int) async throws {
    let database = try #require(TestDatabase.current)
    let connection = try await LibpqConnection.connect(database.postgresConfiguration)
    _ = try await connection.executeScript("CREATE TABLE mine (number int)")
    await connection.close()
  }
}
