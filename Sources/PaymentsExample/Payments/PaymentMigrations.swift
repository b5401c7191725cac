package import Libpq
import Outbox
import TaskQueueHTTP
import TaskQueuePostgres

/// Applies the app's own migrations.
package enum PaymentMigrations {
  private static let scripts: [(version: Int64, sql: [UInt8])] = [
    (1, PackageResources.P0001_payments_sql), (2, PackageResources.P0002_api_sql),
    (3, PackageResources.P0003_effects_sql), (4, PackageResources.P0004_saga_sql),
    (5, PackageResources.P0005_ledger_sql), (6, PackageResources.P0006_callers_sql),
    (7, PackageResources.P0007_after_done_sql), (8, PackageResources.P0008_last_error_sql),
  ]

  /// Brings the schema `payments` up to date, its outbox and its idempotency keys included. Does nothing if it is.
  package static func apply(to pool: LibpqPool) async throws {
    let migrations = NumberedMigrations(
      table: "payments.migration",
      scripts: scripts.map { .init(version: $0.version, bytes: $0.sql) }
    )
    try await pool.withTransaction { transaction in
      try await migrations.apply(in: transaction)
      try await EventOutbox.payments.migrate(in: transaction)
    }
    try await IdempotencyStore.payments.migrate(pool)
  }
}
