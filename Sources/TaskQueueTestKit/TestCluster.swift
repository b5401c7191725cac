import EmbeddedPostgres
import Foundation
import Libpq
import TaskQueuePostgres

/// The PostgreSQL server of this test process.
///
/// A private cluster that starts when the first database is asked for and goes away with the process; or the server
/// that the environment's `TASKQUEUE_TEST_DATABASE_URL` names.
actor TestCluster {
  static let shared = TestCluster()

  static let environmentVariable = "TASKQUEUE_TEST_DATABASE_URL"

  /// Where TaskQueue's tables are in a migrated database.
  static let schema = "taskqueue"

  /// Databases of a test process begin with this: on a shared server, what a killed process left is easy to tell.
  static let databasePrefix = "taskqueue_test_"

  /// Many tests run at once, each with its own pools. Nothing here outlives the process, so nothing has to reach a disk.
  private static let settings = ["fsync": "off", "full_page_writes": "off", "max_connections": "500"]

  private enum Server {
    case embedded(EmbeddedPostgres, template: String)
    case external(connectionString: String)
  }

  private enum State {
    case idle
    case starting(waiters: [CheckedContinuation<Void, Never>])
    case running(Server)
  }

  private var state = State.idle

  /// Creates an empty database or one with TaskQueue's schema, under a new name.
  func createDatabase(migrated: Bool) async throws -> TestDatabase {
    let name = Self.databasePrefix + UUID().uuidString.lowercased().replacing("-", with: "")
    switch try await server() {
    case .embedded(let postgres, let template):
      let source = migrated ? template : "template0"
      try await Self.execute("CREATE DATABASE \(name) TEMPLATE \(source)", on: postgres.connectionString)
      return TestDatabase(
        name: name,
        connectionString: postgres.connectionString(database: name),
        serverConnectionString: postgres.connectionString
      )
    case .external(let connectionString):
      // A template of ours would stay behind there: each database is migrated instead.
      try await Self.execute("CREATE DATABASE \(name) TEMPLATE template0", on: connectionString)
      let database = TestDatabase(
        name: name,
        connectionString: Self.connectionString(connectionString, database: name),
        serverConnectionString: connectionString
      )
      do {
        if migrated { try await Self.migrate(database.connectionString) }
        return database
      } catch {
        try? await dropDatabase(database)  // The first error says more.
        throw error
      }
    }
  }

  /// Drops a database, and the connections to it with it.
  func dropDatabase(_ database: TestDatabase) async throws {
    try await Self.execute("DROP DATABASE IF EXISTS \(database.name) WITH (FORCE)", on: database.serverConnectionString)
  }

  /// Starts the server once. After a failure, the next one who asks tries again.
  private func server() async throws -> Server {
    while true {
      switch state {
      case .running(let server):
        return server
      case .starting(var waiters):
        await withCheckedContinuation { continuation in
          waiters.append(continuation)
          state = .starting(waiters: waiters)
        }
      case .idle:
        state = .starting(waiters: [])
        do {
          let server = try await Self.startServer()
          finishStarting(.running(server))
          return server
        } catch {
          finishStarting(.idle)
          throw error
        }
      }
    }
  }

  private func finishStarting(_ next: State) {
    guard case .starting(let waiters) = state else { return }
    state = next
    for waiter in waiters { waiter.resume() }
  }

  private static func startServer() async throws -> Server {
    if let connectionString = ProcessInfo.processInfo.environment[environmentVariable], !connectionString.isEmpty {
      return .external(connectionString: connectionString)
    }
    let postgres = try await EmbeddedPostgres.start(settings: settings)
    let template = databasePrefix + "template"
    try await execute("CREATE DATABASE \(template) TEMPLATE template0", on: postgres.connectionString)
    try await migrate(postgres.connectionString(database: template))
    return .embedded(postgres, template: template)
  }

  private static func migrate(_ connectionString: String) async throws {
    _ = try await Migrator(configuration: LibpqConfiguration(connectionString), schema: schema).migrate()
  }

  private static func execute(_ sql: String, on connectionString: String) async throws {
    let connection = try await LibpqConnection.connect(LibpqConfiguration(connectionString))
    do {
      _ = try await connection.query(sql)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  /// The same server, another database: of several values for one keyword, libpq takes the last.
  static func connectionString(_ connectionString: String, database: String) -> String {
    guard connectionString.hasPrefix("postgresql://") || connectionString.hasPrefix("postgres://") else {
      return "\(connectionString) dbname=\(database)"
    }
    return connectionString + (connectionString.contains("?") ? "&" : "?") + "dbname=\(database)"
  }
}
