import Libpq

/// Calls to other systems of which nobody knows whether they happened.
struct EffectExamination: Examination {
  static let name = "effects without an outcome"
  static let needsSchema = true
  private static let maxCount: Int64 = 1_000

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      WITH u AS (
        (SELECT e.task_id, e.name, e.state, e.contradicted, e.intended_at FROM {schema}.effect e
         WHERE e.state IN ('intended', 'unknown', 'parked') ORDER BY e.intended_at LIMIT \(Self.maxCount))
        UNION ALL
        (SELECT e.task_id, e.name, e.state, e.contradicted, e.intended_at FROM {schema}.effect e
         WHERE e.contradicted AND e.state NOT IN ('intended', 'unknown', 'parked') ORDER BY e.changed_at LIMIT \(Self.maxCount)))
      SELECT count(*), count(*) FILTER (WHERE u.state = 'parked'), count(*) FILTER (WHERE u.contradicted),
        extract(epoch FROM now() - min(u.intended_at))::float8,
        (array_agg(u.task_id ORDER BY u.intended_at))[1], (array_agg(u.name ORDER BY u.intended_at))[1]
      FROM u WHERE u.state = 'parked' OR u.contradicted OR u.intended_at < now() - make_interval(secs => $1)
      """,
      [.float8(patient.thresholds.effectAge.seconds)]
    )
    let row = result[0]
    let count = try row.int8(0)
    guard count > 0 else { return [] }
    let (parked, contradicted) = (try row.int8(1), try row.int8(2))
    let (task, name) = (try row.int8(4), try row.text(5))
    var details: [String] = []
    if parked > 0 { details.append("\(DoctorText.count(parked)) parked for a person") }
    if contradicted > 0 { details.append("\(DoctorText.count(contradicted)) contradicted") }
    return [
      DoctorFinding(
        .effectUnsettled,
        .warning,
        "\(task)/\(name)",
        what: """
          Nobody knows whether \(DoctorText.count(count))\(count >= Self.maxCount ? " or more" : "") calls to other systems happened\
          \(details.isEmpty ? "" : " (\(details.joined(separator: ", ")))"); the oldest, \(name) of task \(task), \
          \(DoctorText.span(try row.float8(3))) ago.
          """,
        advice: """
          Look each key up in the other system's books, then say what happened (--succeeded JSON, --failed REASON or --did-not-happen, after which \
          the call is made again), and retry the task.
          """,
        cure: [
          "taskqueue effect list",
          "taskqueue effect resolve \(task) \(QuotedText.shellWord(name))   # and what happened",
        ]
      )
    ]
  }
}
