public import Libpq

/// A database of one test's own.
public struct TestDatabase: Sendable {
  /// The database of the test that runs, when it has the trait `.database`.
  @TaskLocal public static var current: TestDatabase?

  public let name: String

  /// A connection string for libpq.
  public let connectionString: String

  /// How to reach the server to create and drop databases.
  let serverConnectionString: String

  /// How to reach the database, everything else by default.
  public var postgresConfiguration: LibpqConfiguration { LibpqConfiguration(connectionString) }
}

/// Runs `body` with a new database and drops the database afterwards, together with the connections left to it.
///
/// All databases of a process are on one private PostgreSQL cluster, which the first call starts (a few seconds) and
/// which goes away with the process; a database costs some 50 ms. The environment's `TASKQUEUE_TEST_DATABASE_URL`, a
/// connection string of a user who may create databases, points the tests at another server.
///
/// - Parameter migrated: whether the database has TaskQueue's tables, in schema `taskqueue`; else it is empty.
/// - Throws: what `body` throws; else what kept the server from starting or the database from being made or dropped.
///   When the task was cancelled, the database stays until the cluster goes away.
public func withTestDatabase<Value>(
  migrated: Bool = true,
  _ body: (TestDatabase) async throws -> Value
) async throws -> Value {
  let database = try await TestCluster.shared.createDatabase(migrated: migrated)
  let value: Value
  do {
    value = try await body(database)
  } catch {
    try? await TestCluster.shared.dropDatabase(database)  // The first error says more.
    throw error
  }
  try await TestCluster.shared.dropDatabase(database)
  return value
}
