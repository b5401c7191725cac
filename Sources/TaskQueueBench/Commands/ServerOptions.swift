import ArgumentParser
import EmbeddedPostgres

/// Where to measure.
struct ServerOptions: ParsableArguments {
  @Option(
    help: .init(
      """
      URI or keyword string for libpq of a database that may be written to; its schema taskqueue_bench is dropped. \
      Default: a private cluster.
      """,
      valueName: "url"
    )
  )
  var databaseURL: String?

  /// Durable as in production; enough memory that the disk isn't read.
  private static let settings = [
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "max_connections": "500",
  ]

  /// Counts statements where asked to; the rest isn't slowed down.
  private static let counting = [
    "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "none",
  ]

  /// Opens the database, and closes it whatever `body` does.
  func withDatabase<Value>(
    _ progress: ProgressLine,
    _ body: (BenchmarkDatabase) async throws -> Value
  ) async throws -> Value {
    guard let databaseURL else { return try await withCluster(progress, body) }
    return try await use(BenchmarkDatabase.open(databaseURL, ownsServer: false), body)
  }

  private func withCluster<Value>(
    _ progress: ProgressLine,
    _ body: (BenchmarkDatabase) async throws -> Value
  ) async throws -> Value {
    progress.update("Starting a private PostgreSQL cluster …")
    let cluster = try await start()
    do {
      let value = try await use(BenchmarkDatabase.open(cluster.connectionString, ownsServer: true), body)
      await cluster.stop()
      return value
    } catch {
      await cluster.stop()
      throw error
    }
  }

  private func start() async throws -> EmbeddedPostgres {
    let counting = Self.settings.merging(Self.counting) { $1 }
    do { return try await EmbeddedPostgres.start(settings: counting) } catch {
      // Perhaps without contrib modules.
      return try await EmbeddedPostgres.start(settings: Self.settings)
    }
  }

  private func use<Value>(
    _ database: BenchmarkDatabase,
    _ body: (BenchmarkDatabase) async throws -> Value
  ) async throws -> Value {
    do {
      let value = try await body(database)
      try await database.close()
      return value
    } catch {
      // What failed first is what to tell.
      try? await database.close()
      throw error
    }
  }
}
