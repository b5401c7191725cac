import Libpq
import PaymentsExample

/// One of those who share the providers: a database of its own, with the processes that work on it.
struct ChaosTenant: Sendable {
  let name: String
  /// Connection string.
  let database: String
  /// How many payments it makes.
  let payments: Int
  let servers: [ChaosServer]
  let pool: LibpqPool

  init(name: String, database: String, payments: Int, servers: [String], settings: ChaosSettings) {
    self.name = name
    self.database = database
    self.payments = payments
    self.servers = servers.map { ChaosServer(name: $0, settings: settings, database: database) }
    pool = LibpqPool(LibpqConfiguration(database), maxConnections: 2)
  }

  func count(_ rows: String) async throws -> Int {
    try await Int(pool.query("SELECT count(*) FROM \(rows)")[0].int8(0))
  }
}
