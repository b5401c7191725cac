import Libpq
import TaskQueueMigrations

/// Roles that a grant of an older release let in, and that lack what that grant gives now.
///
/// Who has which grant is told by what that one alone gives: to delete tasks, to pause queues, to enqueue without a right on the tables.
struct GrantExamination: Examination {
  static let name = "grants"
  static let needsSchema = true
  private static let maxCount: Int64 = 100

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let recorded = try await patient.query("SELECT coalesce(max(version), 0) FROM {schema}.migration")[0].int8(0)
    // An older schema lacks what is to be granted, and brings a newer one's grants when it is migrated.
    guard Int(recorded) >= patient.scripts.newestVersion else { return [] }
    let rights = GrantedRight.all(patient.scripts)
    let result = try await patient.query(
      Self.sql,
      [
        .text(patient.schema.name), .textArray(rights.map(\.grant)), .textArray(rights.map(\.kind.rawValue)),
        .textArray(rights.map(\.privilege)), .textArray(rights.map(\.object)), .textArray(rights.map(\.column)),
      ]
    )
    return try result.rows.map { row in
      let (grant, role, count) = (try row.text(0), try row.text(1), try row.int8(2))
      let objects = try row.text(3).split(separator: " ").map(String.init)
      return DoctorFinding(
        .grantIncomplete,
        grant == "grant_worker" ? .error : .warning,
        role,
        what: """
          The role \(QuotedText.identifier(role)) has been let in by \(grant), and lacks \(DoctorText.count(count)) of the privileges that it gives now, \
          such as on \(DoctorText.list(objects)). A grant is to be repeated after an upgrade.
          """,
        advice: "Let the owner of schema \(patient.schema.quoted) repeat it, which takes nothing away.",
        cure: ["SELECT \(patient.schema.quoted).\(grant)(\(QuotedText.literal(role)));"]
      )
    }
  }

  private static let sql = """
    WITH s AS (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = $1),
    r AS (SELECT c.oid, c.relname::text AS name, c.relkind, c.relacl, c.relowner FROM pg_catalog.pg_class c JOIN s ON c.relnamespace = s.oid),
    f AS (SELECT p.oid, p.proname::text AS name, p.proacl, p.proowner FROM pg_catalog.pg_proc p JOIN s ON p.pronamespace = s.oid),
    t AS (
      SELECT r.name, a.grantee, a.privilege_type AS privilege FROM r CROSS JOIN LATERAL aclexplode(r.relacl) AS a
      WHERE r.name IN ('task', 'paused_queue') AND a.grantee NOT IN (0, r.relowner)
    ), g AS (
      SELECT 'grant_worker' AS name, t.grantee FROM t WHERE t.name = 'task' AND t.privilege = 'DELETE'
      UNION
      SELECT 'grant_operator', t.grantee FROM t WHERE t.name = 'paused_queue' AND t.privilege = 'INSERT'
      UNION
      SELECT 'grant_enqueuer', a.grantee FROM f CROSS JOIN LATERAL aclexplode(f.proacl) AS a
      WHERE f.name = 'enqueue' AND a.grantee NOT IN (0, f.proowner)
        AND NOT EXISTS (SELECT FROM r WHERE r.name = 'task' AND has_table_privilege(a.grantee, r.oid, 'INSERT'))
    ), lacking AS (
      SELECT g.name, g.grantee, n.object FROM g
      JOIN unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) AS n(grant_name, kind, privilege, object, column_name)
        ON n.grant_name = g.name
      WHERE CASE n.kind
        WHEN 'function' THEN EXISTS (SELECT FROM f WHERE f.name = n.object AND NOT has_function_privilege(g.grantee, f.oid, n.privilege))
        WHEN 'sequence' THEN EXISTS (SELECT FROM r WHERE r.name = n.object
          AND CASE WHEN r.relkind = 'S' THEN NOT has_sequence_privilege(g.grantee, r.oid, n.privilege) ELSE false END)
        WHEN 'column' THEN EXISTS (SELECT FROM r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attname::text = n.column_name
          WHERE r.name = n.object AND NOT has_column_privilege(g.grantee, r.oid, a.attnum, n.privilege))
        ELSE EXISTS (SELECT FROM r WHERE r.name = n.object
          AND CASE WHEN r.relkind IN ('r', 'p', 'v') THEN NOT has_table_privilege(g.grantee, r.oid, n.privilege) ELSE false END)
      END
    )
    SELECT l.name, pg_get_userbyid(l.grantee)::text, count(*), string_agg(DISTINCT l.object COLLATE "C", ' ' ORDER BY l.object COLLATE "C")
    FROM lacking AS l GROUP BY l.name, l.grantee ORDER BY l.name, 2 LIMIT \(maxCount)
    """
}

/// One privilege that a function such as `grant_operator` gives, as its file says.
struct GrantedRight: Hashable, Sendable {
  enum Kind: String, Sendable {
    case table, column, sequence, function
  }

  /// The function.
  var grant: String
  var kind: Kind
  var privilege: String
  /// Without its schema.
  var object: String
  /// Empty: all columns.
  var column = ""

  static func all(_ scripts: SchemaScripts) -> [GrantedRight] {
    let names = scripts.functions.map(\.name)
    return ["grant_worker", "grant_operator", "grant_enqueuer"].flatMap { grant in
      let files = scripts.functions.filter { [grant, "_grant"].contains($0.name) }
      return files.flatMap { file in
        // Other texts of these files, such as messages, do not begin so.
        let granted = /'((?:SELECT|INSERT|UPDATE|DELETE|USAGE|EXECUTE)\b[^']* ON [^']*)'/
        return SchemaExamination.body(of: file).matches(of: granted).flatMap {
          rights(String($0.1), of: grant, functions: names)
        }
      }
    }
  }

  /// - Parameter text: such as `DELETE, UPDATE (detail) ON dead_task`.
  private static func rights(_ text: String, of grant: String, functions: [String]) -> [GrantedRight] {
    let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    guard let on = words.firstRange(of: " ON ") else { return [] }
    var list = words[on.upperBound...]
    var kind = Kind.table
    var objects: [String]?
    if list.hasPrefix("ALL FUNCTIONS") {
      (kind, objects) = (.function, functions.filter { !$0.hasPrefix("grant") && $0 != "_grant" })
    } else if list.hasPrefix("FUNCTION ") {
      (kind, list) = (.function, list.dropFirst("FUNCTION ".count))
    } else if list.hasPrefix("SEQUENCE ") {
      (kind, list) = (.sequence, list.dropFirst("SEQUENCE ".count))
    } else if list.hasPrefix("SCHEMA ") {
      return []
    }
    let named = objects ?? list.split(separator: ",").map { $0.filter { $0 != " " } }
    return words[..<on.lowerBound].matches(of: /([A-Z]+)(?: \(([^)]*)\))?/).flatMap { match -> [GrantedRight] in
      let columns = match.2.map { $0.split(separator: ",").map { $0.filter { $0 != " " } } } ?? [""]
      return named.flatMap { object in
        columns.map { column in
          GrantedRight(
            grant: grant,
            kind: column.isEmpty ? kind : .column,
            privilege: String(match.1),
            object: object,
            column: column
          )
        }
      }
    }
  }
}
