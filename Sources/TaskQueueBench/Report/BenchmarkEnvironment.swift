import Foundation
import Libpq

/// Where it was measured.
struct BenchmarkEnvironment: Codable, Equatable, Sendable {
  var postgres: String
  var operatingSystem: String
  var processors: Int
  var memoryMegabytes: Int
  /// The server's settings that matter.
  var serverSettings: [String: String]

  static func read(_ database: some LibpqQueryable) async throws -> BenchmarkEnvironment {
    let rows = try await database.query(
      """
      SELECT name, current_setting(name) FROM pg_settings WHERE name IN ('server_version', 'fsync', 'synchronous_commit',
        'full_page_writes', 'shared_buffers', 'max_wal_size', 'wal_level', 'max_connections')
      """
    )
    var settings: [String: String] = [:]
    for row in rows.rows { settings[try row.text(0)] = try row.text(1) }
    let version = settings.removeValue(forKey: "server_version") ?? "unknown"
    return BenchmarkEnvironment(
      postgres: version,
      operatingSystem: ProcessInfo.processInfo.operatingSystemVersionString,
      processors: ProcessInfo.processInfo.activeProcessorCount,
      memoryMegabytes: Int(ProcessInfo.processInfo.physicalMemory >> 20),
      serverSettings: settings
    )
  }

  var summary: String {
    let settings = serverSettings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    return "PostgreSQL \(postgres) · \(processors) CPUs, \(memoryMegabytes >> 10) GB · \(operatingSystem)\n\(settings)"
  }
}
