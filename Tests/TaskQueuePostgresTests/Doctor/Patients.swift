import EmbeddedPostgres
import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@testable import TaskQueuePostgres

extension Doctor {
  /// What it finds of some kinds. Server-wide findings of the tests' cluster, such as fsync, are not asked for.
  func findings(_ kinds: DoctorFinding.Kind...) async throws -> [DoctorFinding] {
    try await examine().findings.filter { kinds.contains($0.kind) }
  }
}

extension TestDatabase {
  func doctor(_ change: (inout Doctor) -> Void = { _ in }) throws -> Doctor {
    var doctor = try Doctor(.init(postgresConfiguration))
    change(&doctor)
    return doctor
  }

  /// Runs what a finding says, as a person would paste it into psql; lines for a shell are left out.
  func paste(_ finding: DoctorFinding) async throws {
    for line in finding.cure where !line.hasPrefix("taskqueue") {
      let output = try await Psql.run(
        connectionString,
        ["-v", "ON_ERROR_STOP=1", "-c", line.components(separatedBy: "   --")[0]]
      )
      #expect(output.status == 0, "\(line): \(output.errors)")
    }
  }
}

/// Runs the body with a connection that is closed afterwards.
func withConnection<Value>(
  _ configuration: LibpqConfiguration,
  _ body: (LibpqConnection) async throws -> Value
) async throws -> Value {
  let connection = try await LibpqConnection.connect(configuration)
  do {
    let value = try await body(connection)
    await connection.close()
    return value
  } catch {
    await connection.close()
    throw error
  }
}

/// Runs the body with a server of its own that has a schema in its database `postgres`, and a doctor for it.
func withPatient(
  _ settings: [String: String] = [:],
  _ body: (EmbeddedPostgres, Doctor) async throws -> Void
) async throws {
  try await EmbeddedPostgres.with(settings: settings) { postgres in
    let configuration = LibpqConfiguration(postgres.connectionString)
    try await Migrator(configuration: configuration).migrate()
    try await body(postgres, try Doctor(.init(configuration)))
  }
}
