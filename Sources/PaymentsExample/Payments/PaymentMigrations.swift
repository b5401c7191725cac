import Foundation
package import Libpq

/// Applies the app's own migrations.
package enum PaymentMigrations {
  /// Held while migrating, so that concurrent starters wait for one another. Any fixed number of our own does.
  static let advisoryLock: Int64 = 0x7061_796d_656e_7473  // "payments"

  private static let scripts: [(version: Int64, sql: [UInt8])] = [
    (1, PackageResources.P0001_payments_sql), (2, PackageResources.P0002_api_sql),
    (3, PackageResources.P0003_effects_sql), (4, PackageResources.P0004_saga_sql),
    (6, PackageResources.P0006_callers_sql),
  ]

  /// Brings the schema `payments` up to date, all or nothing. Does nothing if it is.
  package static func apply(to pool: LibpqPool) async throws {
    try await pool.withTransaction { transaction in
      _ = try await transaction.query("SELECT pg_advisory_xact_lock($1)", [.int8(advisoryLock)])
      let table = try await transaction.query("SELECT to_regclass('payments.migration') IS NOT NULL")
      var applied: Int64 = 0
      if try table[0].bool(0) {
        applied = try await transaction.query("SELECT max(version)::bigint FROM payments.migration")[0].int8(0)
      }
      for script in scripts where script.version > applied {
        try await transaction.executeScript(String(decoding: script.sql, as: UTF8.self))
      }
    }
  }
}
