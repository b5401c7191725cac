import Foundation
import Libpq

/// The SQL on reports.
enum ReconciliationStore {
  /// Reports that are kept of each provider.
  static let maxReports = 100

  struct Stored: Equatable, Sendable {
    var report: ReconciliationReport
    var finishedAt: Date
  }

  /// Stores a report and forgets the oldest ones.
  static func add(_ report: ReconciliationReport, in transaction: LibpqTransaction) async throws {
    _ = try await transaction.query(
      "INSERT INTO payments.reconciliation (provider, since, until, is_clean, report) VALUES ($5, $1, $2, $3, $4)",
      [
        .timestamptz(report.since), .timestamptz(report.until), .bool(report.isClean),
        .json(try JSONFormat.encoder().encode(report)), .text(report.provider),
      ]
    )
    _ = try await transaction.query(
      """
      DELETE FROM payments.reconciliation WHERE provider = $2 AND id <= (
        SELECT id FROM payments.reconciliation WHERE provider = $2 ORDER BY id DESC OFFSET $1 LIMIT 1)
      """,
      [.int8(Int64(maxReports)), .text(report.provider)]
    )
  }

  /// The last report of each provider.
  static func last(in database: some LibpqQueryable) async throws -> [Stored] {
    let result = try await database.query(
      "SELECT DISTINCT ON (provider) report, finished_at FROM payments.reconciliation ORDER BY provider, id DESC"
    )
    return try result.rows.map { row in
      Stored(
        report: try JSONFormat.decoder().decode(ReconciliationReport.self, from: try row.data(0)),
        finishedAt: try row.timestamptz(1)
      )
    }
  }
}
