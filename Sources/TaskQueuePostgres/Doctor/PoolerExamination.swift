import Libpq

/// Whether the connection goes through a pooler that lends a server for one transaction only.
struct PoolerExamination: Examination {
  static let name = "pooler"
  static let needsSchema = false
  /// Transactions held open meanwhile; a pooler with more idle servers may not show itself.
  private static let maxOthers = 3
  private static let wait: Duration = .seconds(2)

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let server = try await patient.query("SELECT pg_backend_pid()::bigint")[0].int8(0)
    // A pooler makes up a process number of its own for its clients.
    guard Int32(truncatingIfNeeded: server) != patient.connection.backendProcessID else { return [] }
    let isShared = try await isShared(patient, server: server)
    guard isShared else {
      return [
        DoctorFinding(
          .pooler,
          .note,
          "session",
          what: "The connection goes through a pooler, which keeps a server for it, as far as can be seen.",
          advice:
            "That works. With a pooler in transaction mode turn preparesStatements off and give listenConnection a direct connection.",
          cure: ["psql -p 6432 pgbouncer -c 'SHOW CONFIG'   # pool_mode"]
        )
      ]
    }
    return [
      DoctorFinding(
        .pooler,
        .warning,
        "transaction",
        what: """
          The connection goes through a pooler that lends a server for one transaction at a time (PgBouncer: pool_mode = transaction). LISTEN hears nothing there, \
          and prepared statements meet other servers: workers poll instead of waking up, and statements fail.
          """,
        advice: """
          Configure programs for it: LibpqConfiguration.preparesStatements = false, and PostgresStoreConfiguration.listenConnection with a direct connection \
          (or wakesUp = false). Or let workers connect directly.
          """,
        cure: [
          "connection.preparesStatements = false   // Swift: the store's LibpqConfiguration",
          "configuration.listenConnection = LibpqConfiguration(\"postgresql://DIRECT-HOST:5432/DATABASE\")",
        ]
      )
    ]
  }

  /// Whether another client gets the server between two transactions of this one.
  private func isShared(_ patient: Patient, server: Int64) async throws -> Bool {
    var others: [LibpqConnection] = []
    defer { withExtendedLifetime(others) {} }
    for _ in 0..<Self.maxOthers {
      guard let other = try? await LibpqConnection.connect(patient.settings) else { break }
      others.append(other)
      // Open until the connection closes.
      guard (try? await other.query(LibpqStatement("BEGIN READ ONLY"), within: Self.wait)) != nil,
        let theirs = try? await other.query(LibpqStatement("SELECT pg_backend_pid()::bigint"), within: Self.wait)
      else { break }
      if try theirs[0].int8(0) == server {
        for other in others { await other.close() }
        return true
      }
    }
    for other in others { await other.close() }
    return false
  }
}
