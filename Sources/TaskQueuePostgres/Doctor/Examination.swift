import Libpq

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One look of ``Doctor``.
protocol Examination: Sendable {
  /// What it looks at, in words.
  static var name: String { get }
  /// Whether it reads TaskQueue's tables.
  static var needsSchema: Bool { get }

  /// Reads only.
  func findings(_ patient: Patient) async throws -> [DoctorFinding]
}

/// The database that ``Doctor`` looks at, over one connection.
struct Patient: Sendable {
  let connection: LibpqConnection
  /// How that one was opened.
  let settings: LibpqConfiguration
  let schema: SchemaName
  let scripts: SchemaScripts
  let thresholds: DoctorThresholds
  let workerRole: String?
  let now: @Sendable () -> Date

  /// One statement in a read-only transaction, whatever limits the role has. `{schema}` stands for the schema's name as SQL.
  func query(_ sql: String, _ parameters: [LibpqValue] = []) async throws -> LibpqResult {
    try await query(LibpqStatement(sql.replacing("{schema}", with: schema.quoted), parameters))
  }

  func query(_ statement: LibpqStatement) async throws -> LibpqResult {
    let options = LibpqTransactionOptions(
      isolationLevel: .readCommitted,
      isReadOnly: true,
      lockTimeout: Doctor.lockTimeout
    )
    return try await connection.withTransaction(options) { transaction in
      try await transaction.pipeline([EnvironmentCheck.noTimeout, statement])[1]
    }
  }

  func introduction() async throws -> DoctorReport {
    let row = try await query(
      "SELECT current_setting('server_version'), current_database()::text, current_user::text, pg_is_in_recovery()"
    )[0]
    let version = try row.text(0)
    return DoctorReport(
      findings: [],
      examinations: [],
      skipped: [],
      serverVersion: version.split(separator: " ").first.map(String.init) ?? version,
      database: try row.text(1),
      role: try row.text(2),
      isStandby: try row.bool(3)
    )
  }

  func isSchemaUsable() async throws -> Bool {
    let result = try await query(
      """
      SELECT coalesce(bool_and(has_schema_privilege(n.oid, 'USAGE')) AND bool_or(c.oid IS NOT NULL), false)
      FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'installed_function'
      WHERE n.nspname = $1
      """,
      [.text(schema.name)]
    )
    return try result[0].bool(0)
  }

  /// The name of an object of the schema, as SQL.
  func qualified(_ object: String) -> String { "\(schema.quoted).\(QuotedText.identifier(object))" }
}

/// Numbers and names in sentences and cures.
enum DoctorText {
  static func bytes(_ count: Int64) -> String {
    var value = Double(count)
    for unit in ["bytes", "KiB", "MiB"] {
      if value < 1024 { return "\(unit == "bytes" ? "\(count)" : number(value)) \(unit)" }
      value /= 1024
    }
    return value < 1024 ? "\(number(value)) GiB" : "\(number(value / 1024)) TiB"
  }

  /// In the unit in which it has one to three digits.
  static func span(_ seconds: Double) -> String {
    switch max(0, seconds) {
    case ..<120: "\(number(max(0, seconds))) s"
    case ..<7_200: "\(Int(seconds / 60)) min"
    case ..<172_800: "\(Int(seconds / 3_600)) h"
    default: "\(Int(seconds / 86_400)) d"
    }
  }

  /// `1,234,567`.
  static func count(_ value: Int64) -> String {
    var digits = String(value.magnitude)
    var parts: [String] = []
    while digits.count > 3 {
      parts.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + ([digits] + parts).joined(separator: ",")
  }

  /// Up to `max` names, and that there are more.
  static func list(_ names: [String], max: Int = 3) -> String {
    names.prefix(max).joined(separator: ", ") + (names.count > max ? ", …" : "")
  }

  private static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths >= 100 || tenths % 10 == 0 ? "\(Int(value.rounded()))" : "\(tenths / 10).\(tenths % 10)"
  }
}

extension Duration {
  /// As a parameter for `make_interval(secs => $n)`.
  var seconds: Double { self / .seconds(1) }
}
