import Libpq
import TaskQueue

/// What ``EnvironmentCheck`` found amiss, with the cures.
struct EnvironmentFindings: Sendable {
  let schema: SchemaName
  private(set) var role = ""
  /// Whose settings the session has; the role may be another one by SET ROLE.
  private(set) var loginRole = ""
  private(set) var database = ""
  private(set) var defaultIsolation = ""
  private var isSchemaMissing = false
  private var isSchemaLocked = false
  private var missing: [String] = []
  private var foreignSearchPath: String?
  /// Objects as GRANT names them, without their schema, and what is lacking on each.
  private var privileges: [(object: String, lacking: [String])] = []
  private var filteredTables: [String] = []
  private var encoding: String?
  private var settings: [(name: String, value: String, source: String)] = []

  init(_ result: LibpqResult, schema: SchemaName) throws(LibpqError) {
    self.schema = schema
    for row in result.rows {
      let (kind, first) = (try row.text(0), try row.optionalText(1) ?? "")
      let (second, third) = (try row.optionalText(2) ?? "", try row.optionalText(3) ?? "")
      switch kind {
      case "session": (role, database, defaultIsolation) = (first, second, third)
      case "login": loginRole = first
      case "encoding": encoding = first
      case "schema": isSchemaMissing = true
      case "usage": isSchemaLocked = true
      case "missing": missing.append(first)
      case "renamed": foreignSearchPath = first
      case "privilege": lack(first, on: second)
      case "row_security": filteredTables.append(first)
      default: settings.append((first, second, third))
      }
    }
  }

  private mutating func lack(_ privilege: String, on object: String) {
    if let index = privileges.firstIndex(where: { $0.object == object }) {
      privileges[index].lacking.append(privilege)
    } else {
      privileges.append((object, [privilege]))
    }
  }

  /// nil: nothing is amiss.
  var error: TaskQueueError? {
    let findings = findings
    guard !findings.isEmpty else { return nil }
    return TaskQueueError(.invalidConfiguration, findings.map(\.description).joined(separator: " "))
  }

  /// What keeps a worker of the role from running.
  var findings: [DoctorFinding] {
    schemaFindings + grantFindings + rowSecurityFindings + encodingFindings + settings.map(finding)
  }

  /// Of the schema's versions and this program's; nil: they work together.
  func versionFinding(newest: Int, needed: Int, known: Int) -> DoctorFinding? {
    if newest < known {
      return DoctorFinding(
        .schemaOutdated,
        .error,
        schema.name,
        what: "The schema \(schema.quoted) has version \(newest), and this program needs \(known).",
        advice: "Run Migrator, or psql -f migrations/install.sql, as its owner.",
        cure: [migrateCommand]
      )
    }
    guard needed > known else { return nil }
    return DoctorFinding(
      .programOutdated,
      .error,
      schema.name,
      what: """
        The schema \(schema.quoted) has version \(newest), which works with programs that know version \(needed) or later; this program \
        knows versions up to \(known).
        """,
      advice: "Deploy a program with a newer release of TaskQueue.",
      cure: ["swift package update"]
    )
  }

  private var migrateCommand: String {
    "taskqueue migrate" + (schema.name == "taskqueue" ? "" : " --schema \(QuotedText.shellWord(schema.name))")
  }

  private var schemaFindings: [DoctorFinding] {
    if isSchemaMissing {
      return [
        DoctorFinding(
          .schemaMissing,
          .error,
          schema.name,
          what: "The database \(QuotedText.identifier(database)) has no schema \(schema.quoted).",
          advice: "Name the right database and schema, or run Migrator or psql -f migrations/install.sql.",
          cure: [migrateCommand]
        )
      ]
    }
    if !missing.isEmpty {
      return [
        DoctorFinding(
          .schemaOutdated,
          .error,
          schema.name,
          what: "The schema \(schema.quoted) is too old or not TaskQueue's: it has no \(DoctorText.list(missing)).",
          advice: "Run Migrator, or psql -f migrations/install.sql, as its owner.",
          cure: [migrateCommand]
        )
      ]
    }
    if let foreignSearchPath {
      return [
        DoctorFinding(
          .functionDrift,
          .error,
          schema.name,
          what:
            "The functions of schema \(schema.quoted) look for their tables in \(foreignSearchPath): the schema was renamed.",
          advice: "Run Migrator, or psql -f migrations/install.sql, as its owner.",
          cure: [migrateCommand]
        )
      ]
    }
    return []
  }

  private var grantFindings: [DoctorFinding] {
    var grants: [String] = []
    if isSchemaLocked { grants.append("GRANT USAGE ON SCHEMA \(schema.quoted) TO \(QuotedText.identifier(role));") }
    for (object, lacking) in privileges {
      let words = object.split(separator: " ").map(String.init)
      let name = (words.dropLast() + ["\(schema.quoted).\(words.last ?? "")"]).joined(separator: " ")
      grants.append("GRANT \(lacking.joined(separator: ", ")) ON \(name) TO \(QuotedText.identifier(role));")
    }
    guard !grants.isEmpty else { return [] }
    let template = "SELECT \(schema.quoted).grant_worker(\(QuotedText.literal(role)));"
    return [
      DoctorFinding(
        .privileges,
        .error,
        role,
        what: "The role \(QuotedText.identifier(role)) lacks privileges of a worker.",
        advice: "Let the owner of schema \(schema.quoted) run: \(template) or just: \(grants.joined(separator: " "))",
        cure: [template]
      )
    ]
  }

  private var rowSecurityFindings: [DoctorFinding] {
    guard let table = filteredTables.first else { return [] }
    let names = filteredTables.map { "\(schema.quoted).\($0)" }
    return [
      DoctorFinding(
        .rowSecurity,
        .error,
        loginRole,
        what:
          "Row security hides tasks from the role \(QuotedText.identifier(role)): it is on for \(names.joined(separator: ", ")).",
        advice: """
          Run ALTER TABLE \(schema.quoted).\(table) DISABLE ROW LEVEL SECURITY; (for each), or ALTER ROLE \(QuotedText.identifier(role)) BYPASSRLS.
          """,
        cure: names.map { "ALTER TABLE \($0) DISABLE ROW LEVEL SECURITY;" }
      )
    ]
  }

  private var encodingFindings: [DoctorFinding] {
    guard let encoding else { return [] }
    return [
      DoctorFinding(
        .encoding,
        .error,
        database,
        what: """
          The database \(QuotedText.identifier(database)) has the encoding \(encoding), which cannot hold every text of a payload, an error or an effect's \
          answer: outcomes would be refused.
          """,
        advice: "Use a database with ENCODING 'UTF8'.",
        cure: ["CREATE DATABASE tasks ENCODING 'UTF8' TEMPLATE template0;"]
      )
    ]
  }

  private func finding(_ setting: (name: String, value: String, source: String)) -> DoctorFinding {
    let isTimeout = setting.name.hasSuffix("timeout")
    let value = isTimeout ? "\(setting.value) ms" : setting.value
    let assignment = "\(setting.name) = \(isTimeout ? "0" : "off")"
    let forRole = "ALTER ROLE \(QuotedText.identifier(loginRole)) SET \(assignment)"
    let forDatabase = "ALTER DATABASE \(QuotedText.identifier(database)) SET \(assignment)"
    let forBoth =
      "ALTER ROLE \(QuotedText.identifier(loginRole)) IN DATABASE \(QuotedText.identifier(database)) SET \(assignment)"
    let (advice, cure) =
      switch setting.source {
      case "user": ("Run \(forRole).", forRole)
      case "database": ("Run \(forDatabase).", forDatabase)
      case "database user": ("Run \(forBoth).", forBoth)
      case "client", "environment variable": ("Change it in the connection string or PGOPTIONS.", forRole)
      default: ("Run \(forRole), or change it in postgresql.conf.", forRole)
      }
    let reason = isTimeout ? "too short for a worker; give it 0 or at least 1 s" : "no task could be claimed"
    return DoctorFinding(
      .setting,
      .error,
      setting.name,
      what: "\(setting.name) is \(value): \(reason).",
      advice: advice,
      cure: [cure + ";"]
    )
  }
}
