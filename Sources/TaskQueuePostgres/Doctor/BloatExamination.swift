import Libpq

/// Tables and indexes that are much bigger than their rows need: estimated from catalogs and statistics, nothing is read.
struct BloatExamination: Examination {
  static let name = "bloat"
  static let needsSchema = true

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(Self.sql, [.text(patient.schema.name)])
    var findings: [DoctorFinding] = []
    for row in result.rows {
      let (kind, name) = (try row.text(0), try row.text(1))
      let (bytes, expected) = (try row.int8(2), try row.optionalInt8(3))
      let (dead, live) = (try row.int8(4), try row.int8(5))
      if dead > Int64(patient.thresholds.deadRows), dead > live {
        findings.append(
          DoctorFinding(
            .deadRows,
            .warning,
            name,
            what: """
              The table \(patient.qualified(name)) has about \(DoctorText.count(dead)) dead rows beside \(DoctorText.count(live)) live ones: vacuum does not keep \
              up, or is held back.
              """,
            advice: "See whether something holds vacuum back, then let it run by hand; it locks nothing.",
            cure: ["VACUUM (VERBOSE, ANALYZE) \(patient.qualified(name));"]
          )
        )
      }
      guard let expected, bytes - expected >= Int64(patient.thresholds.bloatBytes), bytes >= 2 * expected else {
        continue
      }
      findings.append(finding(kind, name, bytes, expected, patient))
    }
    return findings
  }

  private func finding(
    _ kind: String,
    _ name: String,
    _ bytes: Int64,
    _ expected: Int64,
    _ patient: Patient
  ) -> DoctorFinding {
    let isTable = kind == "table"
    return DoctorFinding(
      .bloat,
      .warning,
      name,
      what: """
        The \(kind) \(patient.qualified(name)) takes \(DoctorText.bytes(bytes)), and by estimate its rows need \(DoctorText.bytes(expected)): what a flood, or \
        vacuum that was held back, has left.
        """,
      advice: isTable
        ? "New rows fill the space, so it does no harm by itself. To give it back: VACUUM FULL stops all workers meanwhile; pg_repack does not."
        : "Build it anew beside the old one; nothing waits for that.",
      cure: [(isTable ? "VACUUM (FULL, ANALYZE) " : "REINDEX INDEX CONCURRENTLY ") + patient.qualified(name) + ";"]
    )
  }

  /// A heap row: 24 bytes of header and 4 of line pointer, columns as wide as on average, aligned to 8. An entry of a B-tree: 8 and 4. Pages of 8 KiB with
  /// 24 bytes of header; leaves are filled to 90 %, and have 16 bytes of their own. See PostgreSQL's "Database Page Layout".
  private static let sql = """
    WITH s AS (
      SELECT c.oid, c.relname::text AS name, greatest(c.reltuples, 0)::float8 AS rows, c.reltuples < 0 AS is_unknown, pg_relation_size(c.oid) AS bytes,
        c.relkind, coalesce((SELECT o.option_value::float8 FROM pg_catalog.pg_options_to_table(c.reloptions) o WHERE o.option_name = 'fillfactor'),
          CASE WHEN c.relkind = 'i' THEN 90 ELSE 100 END) / 100 AS filled
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'i')
    ), w AS (
      SELECT p.tablename::text AS name, p.attname::text AS attribute, p.avg_width * (1 - p.null_frac) AS width
      FROM pg_catalog.pg_stats p WHERE p.schemaname = $1
    )
    SELECT 'table', s.name, s.bytes,
      CASE WHEN s.rows = 0 AND NOT s.is_unknown THEN 0 WHEN v.width IS NOT NULL
        THEN (8192 * ceil(s.rows * (28 + 8 * ceil(v.width / 8)) / (8168 * s.filled)))::bigint END,
      coalesce(t.n_dead_tup, 0), coalesce(t.n_live_tup, 0)
    FROM s LEFT JOIN pg_catalog.pg_stat_all_tables t ON t.relid = s.oid
    CROSS JOIN LATERAL (SELECT sum(w.width) AS width FROM w WHERE w.name = s.name) AS v
    WHERE s.relkind = 'r'
    UNION ALL
    SELECT 'index', s.name, s.bytes,
      CASE WHEN s.rows = 0 AND NOT s.is_unknown THEN 16384
        WHEN v.isKnown THEN (8192 + 8192 * ceil(s.rows * (12 + 8 * ceil(v.width / 8)) / (8152 * s.filled)))::bigint END, 0, 0
    FROM s JOIN pg_catalog.pg_index x ON x.indexrelid = s.oid JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
    CROSS JOIN LATERAL (
      SELECT sum(w.width) AS width, count(*) = count(w.width) AS isKnown
      FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, place)
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number AND k.number > 0
      LEFT JOIN pg_catalog.pg_attribute e ON e.attrelid = x.indexrelid AND e.attnum = k.place AND k.number = 0
      LEFT JOIN w ON (w.name = c.relname::text AND w.attribute = a.attname::text) OR (w.name = s.name AND w.attribute = e.attname::text)) AS v
    WHERE s.relkind = 'i'
    ORDER BY 3 DESC
    """
}
