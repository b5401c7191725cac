import Libpq

/// Settings by which what was committed may be lost.
struct SettingsExamination: Examination {
  static let name = "commit settings"
  static let needsSchema = false

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT g.name, g.source, session_user::text, current_database()::text FROM pg_catalog.pg_settings g
      WHERE g.name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND g.reset_val = 'off' ORDER BY 1
      """
    )
    return try result.rows.map { row throws(LibpqError) in
      let name = try row.text(0)
      guard name == "synchronous_commit" else {
        return DoctorFinding(
          .commitSetting,
          .error,
          name,
          what: "\(name) is off: a crash of the machine may destroy the whole database, tasks with it.",
          advice: "Turn it on, unless every byte here may be lost.",
          cure: ["ALTER SYSTEM SET \(name) = on;", "SELECT pg_reload_conf();"]
        )
      }
      let change =
        switch try row.text(1) {
        case "database": "ALTER DATABASE \(QuotedText.identifier(try row.text(3))) RESET \(name);"
        case "user": "ALTER ROLE \(QuotedText.identifier(try row.text(2))) RESET \(name);"
        case "database user":
          "ALTER ROLE \(QuotedText.identifier(try row.text(2))) IN DATABASE \(QuotedText.identifier(try row.text(3))) RESET \(name);"
        default: "ALTER SYSTEM SET \(name) = on; SELECT pg_reload_conf();"
        }
      return DoctorFinding(
        .commitSetting,
        .warning,
        name,
        what: """
          \(name) is off: a crash of the server forgets the last moments' commits. Tasks whose enqueue was confirmed may be gone, and outcomes, so that tasks run \
          again.
          """,
        advice:
          "Turn it on for what enqueues and works. To make claims cheaper use claimsAsynchronously, which loses nothing.",
        cure: [change]
      )
    }
  }
}
