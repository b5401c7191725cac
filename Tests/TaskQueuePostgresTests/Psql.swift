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

  @concurrent
  static func run(_ connectionString: String, _ arguments: [String]) async throws -> Output {
    let process = Process()
    process.executableURL = URL(filePath: try EmbeddedPostgres.binaryDirectory()).appending(path: "psql")
    process.arguments = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", connectionString] + arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Both are short: neither pipe can fill while the other is read.
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let errorText = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Output(
      text: String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines),
      errors: String(decoding: errorText, as: UTF8.self),
      status: process.terminationStatus
    )
  }
}
