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
    let sentences = schemaSentences + grantSentences + rowSecuritySentences + encodingSentences + settings.map(sentence)
    guard !sentences.isEmpty else { return nil }
    return TaskQueueError(.invalidConfiguration, sentences.joined(separator: " "))
  }

  private var schemaSentences: [String] {
    if isSchemaMissing {
      return [
        """
        The database \(quoted(database)) has no schema \(schema.quoted). Name the right database and schema, or run Migrator or psql -f \
        migrations/install.sql.
        """
      ]
    }
    if !missing.isEmpty {
      let names = missing.prefix(3).joined(separator: ", ") + (missing.count > 3 ? ", …" : "")
      return [
        """
        The schema \(schema.quoted) is too old or not TaskQueue's: it has no \(names). Run Migrator, or psql -f migrations/install.sql, \
        as its owner.
        """
      ]
    }
    if let foreignSearchPath {
      return [
        """
        The functions of schema \(schema.quoted) look for their tables in \(foreignSearchPath): the schema was renamed. Run Migrator, or \
        psql -f migrations/install.sql, as its owner.
        """
      ]
    }
    return []
  }

  private var grantSentences: [String] {
    var grants: [String] = []
    if isSchemaLocked { grants.append("GRANT USAGE ON SCHEMA \(schema.quoted) TO \(quoted(role));") }
    for (object, lacking) in privileges {
      let words = object.split(separator: " ").map(String.init)
      let name = (words.dropLast() + ["\(schema.quoted).\(words.last ?? "")"]).joined(separator: " ")
      grants.append("GRANT \(lacking.joined(separator: ", ")) ON \(name) TO \(quoted(role));")
    }
    guard !grants.isEmpty else { return [] }
    return [
      """
      The role \(quoted(role)) lacks privileges of a worker. Let the owner of schema \(schema.quoted) run: SELECT \
      \(schema.quoted).grant_worker('\(role.replacing("'", with: "''"))'); or just: \(grants.joined(separator: " "))
      """
    ]
  }

  private var rowSecuritySentences: [String] {
    guard let table = filteredTables.first else { return [] }
    let names = filteredTables.map { "\(schema.quoted).\($0)" }.joined(separator: ", ")
    return [
      """
      Row security hides tasks from the role \(quoted(role)): it is on for \(names). Run ALTER TABLE \(schema.quoted).\(table) DISABLE ROW \
      LEVEL SECURITY; (for each), or ALTER ROLE \(quoted(role)) BYPASSRLS.
      """
    ]
  }

  private var encodingSentences: [String] {
    guard let encoding else { return [] }
    return [
      """
      The database \(quoted(database)) has the encoding \(encoding), which cannot hold every text of a payload, an error or an effect's \
      answer: outcomes would be refused. Use a database with ENCODING 'UTF8'.
      """
    ]
  }

  private func sentence(_ setting: (name: String, value: String, source: String)) -> String {
    let isTimeout = setting.name.hasSuffix("timeout")
    let value = isTimeout ? "\(setting.value) ms" : setting.value
    let assignment = "\(setting.name) = \(isTimeout ? "0" : "off")"
    let cure =
      switch setting.source {
      case "user": "Run ALTER ROLE \(quoted(loginRole)) SET \(assignment)."
      case "database": "Run ALTER DATABASE \(quoted(database)) SET \(assignment)."
      case "database user": "Run ALTER ROLE \(quoted(loginRole)) IN DATABASE \(quoted(database)) SET \(assignment)."
      case "client", "environment variable": "Change it in the connection string or PGOPTIONS."
      default: "Run ALTER ROLE \(quoted(loginRole)) SET \(assignment), or change it in postgresql.conf."
      }
    let reason = isTimeout ? "too short for a worker; give it 0 or at least 1 s" : "no task could be claimed"
    return "\(setting.name) is \(value): \(reason). \(cure)"
  }

  private func quoted(_ name: String) -> String { "\"\(name.replacing("\"", with: "\"\""))\"" }
}
