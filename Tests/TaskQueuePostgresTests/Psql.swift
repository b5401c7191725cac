import ChildProcesses
import EmbeddedPostgres
import Foundation

/// PostgreSQL's own client, as a process.
enum Psql {
  struct Output {
    let text: String
    let errors: String
    let status: Int32
  }

  /// The package's folder of SQL.
  static let migrations = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "migrations")

  /// Applies `install.sql` as the documentation says.
  static func install(_ connectionString: String, schema: String) async throws -> Output {
    let file = migrations.appending(path: "install.sql").path
    return try await run(connectionString, ["-1", "-v", "schema=\(schema)", "-f", file])
  }

  static func run(_ connectionString: String, _ arguments: [String]) async throws -> Output {
    var command = ChildCommand(
      try EmbeddedPostgres.binaryDirectory() + "/psql",
      ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", connectionString] + arguments
    )
    command.errors = .pipe
    let result = try await ChildProcess.run(command)
    return Output(
      text: result.output.trimmingCharacters(in: .whitespacesAndNewlines),
      errors: result.errors,
      status: result.exit.status ?? -1
    )
  }
}
