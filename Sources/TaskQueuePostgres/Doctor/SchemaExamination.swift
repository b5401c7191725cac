import Libpq
import TaskQueueMigrations

/// Whether tables, views, columns, indexes, triggers and functions are as the migrations made them.
struct SchemaExamination: Examination {
  static let name = "drift of the schema"
  static let needsSchema = true

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let recorded = try await patient.query(
      "SELECT (SELECT coalesce(max(version), 0) FROM {schema}.migration), coalesce(max(revision), 0) FROM {schema}.installed_function"
    )[0]
    // An older schema lacks much: the environment's examination has said so.
    guard Int(try recorded.int8(0)) >= patient.scripts.newestVersion else { return [] }
    let inventory = SchemaInventory(patient.scripts.versions)
    // Those of a newer program are its own affair.
    let functions = Int(try recorded.int8(1)) > patient.scripts.revision ? [] : patient.scripts.functions
    let result = try await patient.query(
      Self.sql,
      [
        .text(patient.schema.name), .textArray(inventory.tables), .textArray(inventory.views),
        .textArray(inventory.columns.map(\.table)), .textArray(inventory.columns.map(\.name)),
        .textArray(inventory.indexes.map(\.table)), .textArray(inventory.indexes.map(\.name)),
        .textArray(functions.map(\.name)), .textArray(functions.map { Self.body(of: $0) }),
      ]
    )
    let problems = try result.rows.map { row throws(LibpqError) in
      (kind: try row.text(0), name: try row.text(1), table: try row.optionalText(2) ?? "")
    }
    var findings = problems.compactMap { finding($0.kind, $0.name, $0.table, inventory, patient) }
    findings += functionFindings(problems.filter { $0.kind == "function" }.map(\.name), patient)
    return findings
  }

  /// As `pg_proc.prosrc` has it: what stands between the dollar quotes.
  static func body(of file: FunctionFile) -> String {
    let text = String(decoding: file.bytes, as: UTF8.self)
    guard let start = text.firstRange(of: "$$")?.upperBound else { return text }
    let rest = text[start...]
    return String(rest[..<(rest.firstRange(of: "$$")?.lowerBound ?? rest.endIndex)])
  }

  private func finding(
    _ kind: String,
    _ name: String,
    _ table: String,
    _ inventory: SchemaInventory,
    _ patient: Patient
  ) -> DoctorFinding? {
    switch kind {
    case "table", "view":
      let dump =
        "pg_restore --schema \(QuotedText.shellWord(patient.schema.name)) --table \(name) --dbname \"$DATABASE_URL\" BACKUP"
      return DoctorFinding(
        .schemaDrift,
        .error,
        name,
        what: "The \(kind) \(patient.qualified(name)) is gone.",
        advice: kind == "table"
          ? "Bring it back from a backup, with its rows."
          : "Bring it back from a backup, or from its CREATE VIEW in migrations/.",
        cure: [dump]
      )
    case "column":
      let definition = inventory.columns.first { $0.table == table && $0.name == name }?.definition ?? ""
      return DoctorFinding(
        .schemaDrift,
        .error,
        "\(table).\(name)",
        what: "The table \(patient.qualified(table)) has no column \(name).",
        advice: "Add it, as the migration does; what was in it is in a backup alone.",
        cure: ["ALTER TABLE \(patient.qualified(table)) ADD COLUMN \(name) \(definition);"]
      )
    case "index":
      return DoctorFinding(
        .indexMissing,
        .error,
        name,
        what:
          "The index \(name) of \(patient.qualified(table)) is missing: reads that need it take the whole table, or a promise of uniqueness is broken.",
        advice: "Make it again, which does not hold up anything.",
        cure: [indexCure(inventory.indexes.first { $0.name == name }, patient)]
      )
    case "invalid":
      let isOurs = inventory.indexes.contains { $0.name == name }
      return DoctorFinding(
        .indexInvalid,
        isOurs ? .error : .warning,
        name,
        what:
          "The index \(patient.qualified(name)) is not valid: it is written, and not read. Its making was interrupted.",
        advice: isOurs ? "Make it anew." : "It is left from an interrupted CREATE INDEX or REINDEX: drop it.",
        cure: [(isOurs ? "REINDEX INDEX CONCURRENTLY " : "DROP INDEX CONCURRENTLY ") + patient.qualified(name) + ";"]
      )
    case "trigger":
      return DoctorFinding(
        .schemaDrift,
        .error,
        name,
        what: "The trigger \(name) of \(patient.qualified(table)) is off.",
        advice: "Turn it on again.",
        cure: ["ALTER TABLE \(patient.qualified(table)) ENABLE TRIGGER \(QuotedText.identifier(name));"]
      )
    default: return nil
    }
  }

  private func indexCure(_ index: SchemaInventory.Index?, _ patient: Patient) -> String {
    guard let index else { return "taskqueue migrate" }
    let table = patient.qualified(index.table)
    guard index.definition.hasPrefix("CREATE") else { return "ALTER TABLE \(table) \(index.definition);" }
    return index.definition.replacing(" INDEX ", with: " INDEX CONCURRENTLY ", maxReplacements: 1)
      .replacing(" ON \(index.table) ", with: " ON \(table) ", maxReplacements: 1) + ";"
  }

  private func functionFindings(_ names: [String], _ patient: Patient) -> [DoctorFinding] {
    guard !names.isEmpty else { return [] }
    let list = names.map { QuotedText.literal($0) }.joined(separator: ", ")
    let option = patient.schema.name == "taskqueue" ? "" : " --schema \(QuotedText.shellWord(patient.schema.name))"
    return [
      DoctorFinding(
        .functionDrift,
        .error,
        names[0],
        what: """
          Functions of schema \(patient.schema.quoted) are not as this program's files say: \(DoctorText.list(names, max: 5)). They were changed \
          by hand, or not migrated.
          """,
        advice:
          "Let the schema's owner forget what is recorded of them, and migrate: that brings the files' functions back.",
        cure: [
          "UPDATE \(patient.schema.quoted).installed_function SET checksum = NULL WHERE name IN (\(list));",
          "taskqueue migrate\(option)",
        ]
      )
    ]
  }

  private static let sql = """
    WITH s AS (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = $1),
    r AS (SELECT c.oid, c.relname::text AS name, c.relkind FROM pg_catalog.pg_class c JOIN s ON c.relnamespace = s.oid)
    SELECT 'table', n.name, NULL FROM unnest($2::text[]) AS n(name)
    WHERE NOT EXISTS (SELECT FROM r WHERE r.name = n.name AND r.relkind IN ('r', 'p'))
    UNION ALL
    SELECT 'view', n.name, NULL FROM unnest($3::text[]) AS n(name)
    WHERE NOT EXISTS (SELECT FROM r WHERE r.name = n.name AND r.relkind = 'v')
    UNION ALL
    SELECT 'column', n.name, n.table_name FROM unnest($4::text[], $5::text[]) AS n(table_name, name)
    JOIN r ON r.name = n.table_name AND r.relkind IN ('r', 'p')
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.oid AND a.attname::text = n.name AND NOT a.attisdropped)
    UNION ALL
    SELECT 'index', n.name, n.table_name FROM unnest($6::text[], $7::text[]) AS n(table_name, name)
    JOIN r ON r.name = n.table_name AND r.relkind IN ('r', 'p')
    WHERE NOT EXISTS (SELECT FROM r AS i WHERE i.name = n.name AND i.relkind IN ('i', 'I'))
    UNION ALL
    SELECT 'invalid', i.name, NULL FROM pg_catalog.pg_index x JOIN r AS i ON i.oid = x.indexrelid WHERE NOT (x.indisvalid AND x.indisready)
    UNION ALL
    SELECT 'trigger', t.tgname::text, r.name FROM pg_catalog.pg_trigger t JOIN r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgenabled = 'D'
    UNION ALL
    SELECT 'function', n.name, NULL FROM unnest($8::text[], $9::text[]) AS n(name, body)
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_proc p JOIN s ON p.pronamespace = s.oid
      WHERE p.proname::text = n.name AND p.prosrc COLLATE "C" = n.body COLLATE "C")
    """
}
