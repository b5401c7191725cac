import Libpq
import TaskQueue

/// Types of which nothing succeeds any more.
struct AttemptExamination: Examination {
  static let name = "attempts that fail"
  static let needsSchema = true
  /// Of minutes, queues, types and outcomes; the latest first.
  private static let maxRows: Int64 = 10_000
  private static let maxCount: Int64 = 20

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT f.type, f.attempts FROM (
        SELECT m.type::text AS type, sum(m.attempts)::bigint AS attempts, bool_and(m.outcome = ANY ($2)) AS all_failed
        FROM (
          SELECT t.type, t.outcome, t.attempts FROM {schema}.throughput_minute t
          WHERE t.minute > now() - make_interval(secs => $1) ORDER BY t.minute DESC LIMIT \(Self.maxRows)) AS m
        GROUP BY m.type) AS f
      WHERE f.all_failed AND f.attempts >= $3 ORDER BY f.attempts DESC, f.type COLLATE "C" LIMIT \(Self.maxCount)
      """,
      [
        .float8(patient.thresholds.failingTime.seconds), .textArray(ThroughputCount.failures.sorted()),
        .int8(Int64(patient.thresholds.failingAttempts)),
      ]
    )
    return try result.rows.map { row in
      let type = try row.text(0)
      let word = QuotedText.shellWord(type)
      return DoctorFinding(
        .typeFailing,
        .warning,
        type,
        what: """
          Every attempt of the type \(type) failed in the last \(DoctorText.span(patient.thresholds.failingTime.seconds)): \
          \(DoctorText.count(try row.int8(1))), and none completed.
          """,
        advice: "Read the errors. If it began with a deploy, roll that back, and retry what has died meanwhile.",
        cure: ["taskqueue list --type \(word)", "taskqueue dead list --type \(word)"]
      )
    }
  }
}
