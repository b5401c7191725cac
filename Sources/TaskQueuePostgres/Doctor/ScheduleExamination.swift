import Libpq

/// Schedules that are late or cannot be planned.
struct ScheduleExamination: Examination {
  static let name = "schedules"
  static let needsSchema = true
  private static let maxCount: Int64 = 100

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let late = try await late(patient)
    let broken = try await patient.query(
      "SELECT s.name, s.problem FROM {schema}.schedule s WHERE s.problem IS NOT NULL AND NOT s.paused ORDER BY s.name LIMIT 10"
    )
    return try late
      + broken.rows.map { row in
        let (name, problem) = (try row.text(0), try row.text(1))
        return DoctorFinding(
          .scheduleBroken,
          .error,
          name,
          what: "The schedule \(name) cannot be planned: \(problem)",
          advice: "Give it a rule that can be read, or go back to what the program declares.",
          cure: ["taskqueue schedule list", "taskqueue schedule reset \(QuotedText.shellWord(name))"]
        )
      }
  }

  private func late(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT s.name, extract(epoch FROM now() - greatest(s.next_at, s.created_at))::float8 FROM {schema}.schedule s
      WHERE NOT s.paused AND s.problem IS NULL AND s.next_at < now() - make_interval(secs => $1)
        AND s.created_at < now() - make_interval(secs => $1)
      ORDER BY s.next_at LIMIT \(Self.maxCount)
      """,
      [.float8(patient.thresholds.scheduleLateness.seconds)]
    )
    guard let first = result.rows.first else { return [] }
    let names = try result.rows.map { row throws(LibpqError) in try row.text(0) }
    let count =
      names.count == Int(Self.maxCount)
      ? "\(names.count) or more schedules are" : names.count == 1 ? "A schedule is" : "\(names.count) schedules are"
    return [
      DoctorFinding(
        .scheduleLate,
        .error,
        names[0],
        what:
          "\(count) late: \(DoctorText.list(names)); \(names.count == 1 ? "" : "the first ")for \(DoctorText.span(try first.float8(1))). No worker looks at them, or all are busy.",
        advice:
          "Any worker makes the tasks of schedules: start one. What was missed is made up for as each schedule says.",
        cure: ["taskqueue workers", "taskqueue schedule list"]
      )
    ]
  }
}
