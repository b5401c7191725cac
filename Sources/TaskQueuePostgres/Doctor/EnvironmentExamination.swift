import Libpq

/// What keeps a worker from running: schema, privileges, row security, encoding, settings.
struct EnvironmentExamination: Examination {
  static let name = "schema, role and settings"
  static let needsSchema = false

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    if let role = patient.workerRole,
      try await !patient.query("SELECT to_regrole($1) IS NOT NULL", [.text(QuotedText.identifier(role))])[0].bool(0)
    {
      return [
        DoctorFinding(
          .privileges,
          .error,
          role,
          what: "There is no role \(QuotedText.identifier(role)).",
          advice: "Make it, and let the owner of schema \(patient.schema.quoted) grant it what a worker needs.",
          cure: [
            "CREATE ROLE \(QuotedText.identifier(role)) LOGIN;",
            "SELECT \(patient.schema.quoted).grant_worker(\(QuotedText.literal(role)));",
          ]
        )
      ]
    }
    let check = EnvironmentCheck(schema: patient.schema, scripts: patient.scripts, role: patient.workerRole)
    let environment = try EnvironmentFindings(try await patient.query(check.statement), schema: patient.schema)
    var findings = environment.findings
    for index in findings.indices where findings[index].kind == .privileges && patient.workerRole == nil {
      // Whoever looks need not be a worker.
      findings[index].severity = .note
      findings[index].advice =
        "That is as it should be unless workers run as it. To look at the role of a worker: --worker-role NAME."
    }
    guard try await patient.isSchemaUsable(), !findings.contains(where: { $0.kind == .schemaOutdated }) else {
      return findings
    }
    let versions = try await patient.query(check.versionStatement)[0]
    let version = environment.versionFinding(
      newest: Int(try versions.int8(0)),
      needed: Int(try versions.int8(1)),
      known: patient.scripts.newestVersion
    )
    return findings + [version].compactMap(\.self)
  }
}
