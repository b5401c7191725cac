import Foundation
import Libpq

/// The SQL on reports.
enum ReconciliationStore {
  /// Reports that are kept.
  static let maxReports = 100

  struct Stored: Equatable, Sendable {
    var report: ReconciliationReport
    var finishedAt: Date
  }

  /// Stores a report and forgets the oldest ones.
  static func add(_ report: ReconciliationReport, in transaction: LibpqTransaction) async throws {
    _ = try await transaction.query(
      "INSERT INTO payments.reconciliation (since, until, is_clean, report) VALUES ($1, $2, $3, $4)",
      [
        .timestamptz(report.since), .timestamptz(report.until), .bool(report.isClean),
        .json(try JSONFormat.encoder().encode(report)),
      ]
    )
    _ = try await transaction.query(
      """
      DELETE FROM payments.reconciliation WHERE id <= (
        SELECT id FROM payments.reconciliation ORDER BY id DESC OFFSET $1 LIMIT 1)
      """,
      [.int8(Int64(maxReports))]
    )
  }

  static func last(in database: some LibpqQueryable) async throws -> Stored? {
    let result = try await database.query(
      "SELECT report, finished_at FROM payments.reconciliation ORDER BY id DESC LIMIT 1"
    )
    guard let row = result.rows.first else { return nil }
    return Stored(
      report: try JSONFormat.decoder().decode(ReconciliationReport.self, from: try row.data(0)),
      finishedAt: try row.timestamptz(1)
    )
  }
}
