import Libpq

/// How many of the server's connections are left.
struct ConnectionExamination: Examination {
  static let name = "connections"
  static let needsSchema = false

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let row = try await patient.query(
      """
      WITH a AS (SELECT coalesce(application_name, '') AS name FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')
      SELECT (SELECT count(*) FROM a), current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
        (SELECT string_agg(coalesce(nullif(g.name, ''), 'without a name') || ': ' || g.count, ', ' ORDER BY g.count DESC, g.name)
         FROM (SELECT a.name, count(*) FROM a GROUP BY a.name ORDER BY count(*) DESC, a.name LIMIT 3) AS g)
      """
    )[0]
    let (used, maximum) = (try row.int8(0), try row.int8(1))
    guard Double(used) >= patient.thresholds.connectionUse * Double(maximum) else { return [] }
    return [
      DoctorFinding(
        .connections,
        used >= maximum ? .error : .warning,
        "max_connections",
        what: """
          \(used) of \(maximum) connections are in use (most by \(try row.optionalText(2) ?? "nobody known")). When none is left, programs cannot start and workers \
          cannot reconnect.
          """,
        advice:
          "Lower the pools' maxConnections, put a pooler in front of the apps, or allow more, which needs a restart.",
        cure: [
          "SELECT application_name, usename, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 4 DESC;",
          "ALTER SYSTEM SET max_connections = \(maximum * 2);   -- then restart the server",
        ]
      )
    ]
  }
}
