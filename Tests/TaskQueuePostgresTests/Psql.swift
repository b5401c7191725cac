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

  /// The package's file of the schema's first version.
  static let firstMigration = migration("V0001_task_queue.sql")
  static let secondMigration = migration("V0002_effects.sql")

  private static func migration(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "migrations/\(name)").path
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
