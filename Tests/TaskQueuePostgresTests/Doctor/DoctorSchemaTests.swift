import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueMigrations
import TaskQueueTestKit
import Testing

@testable import TaskQueuePostgres

@Suite("The doctor on schemas and roles")
struct DoctorSchemaTests {
  @Test("A healthy database has nothing amiss, and everything was looked at")
  func healthy() async throws {
    try await withPatient { _, doctor in
      let report = try await doctor.examine()
      #expect(report.findings.isEmpty, "\(report.findings)")
      #expect(report.skipped.isEmpty, "\(report.skipped)")
      #expect(report.examinations.count == 14)
      #expect(!report.isStandby && report.database == "postgres")
    }
  }

  @Test("What the migrations make is read from their text: exactly what is there")
  func inventory() async throws {
    try await withTestDatabase { database in
      let inventory = SchemaInventory(MigrationFile.all)
      func names(_ sql: String) async throws -> [String] {
        try await database.query(sql).rows.map { row throws(LibpqError) in try row.text(0) }
      }
      let relations =
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'taskqueue' AND NOT c.relispartition"
      #expect(
        try await names(
          "SELECT c.relname::text \(relations) AND relkind IN ('r', 'p') ORDER BY c.relname::text COLLATE \"C\""
        ) == inventory.tables.filter { $0 != "done_rest" }.sorted()
      )
      #expect(
        try await names("SELECT c.relname::text \(relations) AND relkind = 'v' ORDER BY c.relname::text COLLATE \"C\"")
          == inventory.views.sorted()
      )
      #expect(
        try await names(
          "SELECT c.relname::text \(relations) AND relkind IN ('i', 'I') ORDER BY c.relname::text COLLATE \"C\""
        ) == inventory.indexes.map(\.name).sorted()
      )
      let columns = try await names(
        "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
          + "WHERE n.nspname = 'taskqueue' AND NOT c.relispartition AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
      )
      #expect(columns.sorted() == inventory.columns.map { "\($0.table).\($0.name)" }.sorted())
    }
  }

  @Test("A missing index, column, view or table is found; what is pasted brings indexes and columns back")
  func drift() async throws {
    try await withTestDatabase { database in
      let doctor = try database.doctor()
      for index in ["task_claim", "task_line", "dead_task_type", "effect_unsettled"] {
        try await database.query("DROP INDEX taskqueue.\(index)")
        let findings = try await doctor.findings(.indexMissing)
        #expect(findings.map(\.subject) == [index])
        for finding in findings { try await database.paste(finding) }
      }
      try await database.query("ALTER TABLE taskqueue.worker DROP CONSTRAINT worker_pkey")
      for finding in try await doctor.findings(.indexMissing) {
        #expect(finding.subject == "worker_pkey")
        try await database.paste(finding)
      }
      try await database.query("ALTER TABLE taskqueue.task_group DROP COLUMN checked_at")
      let column = try await doctor.findings(.schemaDrift, .indexMissing)
      #expect(column.map(\.subject) == ["task_group.checked_at", "task_group_check"])
      for finding in column { try await database.paste(finding) }
      #expect(try await doctor.findings(.schemaDrift, .indexMissing, .indexInvalid).isEmpty)
      try await database.query("DROP VIEW taskqueue.overdue")
      try await database.query("DROP TABLE taskqueue.event_look")
      let gone = try await doctor.findings(.schemaDrift)
      #expect(gone.map(\.subject) == ["event_look", "overdue"])
      #expect(try await doctor.findings(.schemaOutdated).first?.what.contains("event_look") == true)
    }
  }

  @Test("An index that was left invalid is found, ours or not")
  func invalidIndex() async throws {
    try await withTestDatabase { database in
      try await database.query("SELECT taskqueue.enqueue('note', '{}') FROM generate_series(1, 2)")
      // Not unique: the build fails and leaves the index behind.
      await #expect(throws: LibpqError.self) {
        try await database.query("CREATE UNIQUE INDEX CONCURRENTLY extra ON taskqueue.task (type)")
      }
      try await database.query(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'taskqueue.task_due'::regclass"
      )
      let findings = try await database.doctor().findings(.indexInvalid)
      #expect(findings.map(\.subject) == ["task_due", "extra"])
      for finding in findings { try await database.paste(finding) }
      #expect(try await database.doctor().findings(.indexInvalid, .indexMissing).isEmpty)
    }
  }

  @Test("A function that was changed by hand is found, and the cure brings the file's back")
  func functions() async throws {
    try await withTestDatabase { database in
      try await database.query(
        """
        CREATE OR REPLACE FUNCTION taskqueue._claim_bytes(flow bigint) RETURNS bigint LANGUAGE sql STABLE
        SET search_path = taskqueue, pg_temp AS 'SELECT 1::bigint'
        """
      )
      let changed = try await database.doctor().findings(.functionDrift)
      let finding = try #require(changed.first)
      #expect(finding.what.contains("_claim_bytes"))
      try await database.paste(finding)
      try await Migrator(configuration: database.postgresConfiguration).migrate()
      #expect(try await database.doctor().findings(.functionDrift).isEmpty)
    }
  }

  @Test("A trigger that is off is found")
  func trigger() async throws {
    try await withTestDatabase { database in
      try await database.query("ALTER TABLE taskqueue.action DISABLE TRIGGER action_is_kept")
      let finding = try #require(try await database.doctor().findings(.schemaDrift).first)
      #expect(finding.subject == "action_is_kept")
      try await database.paste(finding)
      #expect(try await database.doctor().findings(.schemaDrift).isEmpty)
    }
  }

  @Test("A schema that is missing, older or newer is told by itself, and what needs it is skipped")
  func versions() async throws {
    try await withTestDatabase(migrated: false) { database in
      let report = try await database.doctor().examine()
      #expect(report.findings.contains { $0.kind == .schemaMissing && $0.cure == ["taskqueue migrate"] })
      #expect(report.skipped.map(\.examination).contains("drift of the schema"))
    }
    try await withTestDatabase { database in
      try await database.query("DELETE FROM taskqueue.migration WHERE version > 3")
      #expect(try await database.doctor().findings(.schemaOutdated).count == 1)
      try await database.query("INSERT INTO taskqueue.migration VALUES (99, 'later', 98)")
      #expect(try await database.doctor().findings(.programOutdated).count == 1)
    }
  }

  @Test(
    "A role that lacks some of what its grant gives now is found, and the cure gives it",
    arguments: [
      (
        "grant_operator", "REVOKE SELECT ON taskqueue.action, taskqueue.operator_action", DoctorFinding.Severity.warning
      ),
      ("grant_operator", "REVOKE UPDATE (detail) ON taskqueue.dead_task", .warning),
      ("grant_operator", "REVOKE SELECT ON SEQUENCE taskqueue.task_id_seq", .warning),
      ("grant_worker", "REVOKE INSERT ON taskqueue.group_end", .error),
      ("grant_enqueuer", "REVOKE EXECUTE ON FUNCTION taskqueue._enqueue_as_owner", .warning),
    ]
  )
  func grants(function: String, revocation: String, severity: DoctorFinding.Severity) async throws {
    try await withTestDatabase { database in
      try await database.withRole("granted") { role in
        try await role(function)
        #expect(try await database.doctor().findings(.grantIncomplete).isEmpty)
        try await database.query("\(revocation) FROM \(role.name)")
        let finding = try #require(try await database.doctor().findings(.grantIncomplete).first)
        #expect(finding.subject == role.name && finding.severity == severity)
        #expect(finding.cure == ["SELECT \"taskqueue\".\(function)('\(role.name)');"])
        try await database.paste(finding)
        #expect(try await database.doctor().findings(.grantIncomplete).isEmpty)
      }
    }
  }

  @Test("What the grants give is read from their text: exactly what a role has then")
  func grantedRights() async throws {
    let rights = Set(GrantedRight.all(.current))
    for right in [
      GrantedRight(grant: "grant_operator", kind: .function, privilege: "EXECUTE", object: "_journal"),
      .init(grant: "grant_operator", kind: .column, privilege: "UPDATE", object: "dead_task", column: "detail"),
      .init(grant: "grant_operator", kind: .table, privilege: "DELETE", object: "dead_task"),
      .init(grant: "grant_worker", kind: .sequence, privilege: "USAGE", object: "task_group_id_seq"),
      .init(grant: "grant_worker", kind: .function, privilege: "EXECUTE", object: "_claim"),
      .init(grant: "grant_enqueuer", kind: .table, privilege: "SELECT", object: "migration"),
    ] { #expect(rights.contains(right), "\(right)") }
    #expect(!rights.contains { $0.object.isEmpty || $0.object.contains(" ") })
  }

  @Test("Roles with grants of their own making are left alone")
  func otherRoles() async throws {
    try await withTestDatabase { database in
      try await database.withRole("own") { role in
        try await database.query("GRANT USAGE ON SCHEMA taskqueue TO \(role.name)")
        try await database.query("GRANT SELECT ON ALL TABLES IN SCHEMA taskqueue TO \(role.name)")
        try await database.query("GRANT INSERT ON taskqueue.task TO \(role.name)")
        try await database.query("GRANT EXECUTE ON FUNCTION taskqueue.enqueue TO \(role.name)")
        #expect(try await database.doctor().findings(.grantIncomplete).isEmpty)
      }
    }
  }

  @Test("A role without a worker's privileges is a note; named as a worker's it is an error, with the grant")
  func roles() async throws {
    try await withTestDatabase { database in
      try await database.withRole("operator") { role in
        try await role("grant_operator")
        let own = try await Doctor(.init(role.configuration)).examine()
        #expect(own.findings.first { $0.kind == .privileges }?.severity == .note)
        #expect(own.findings.contains { $0.kind == .limitedView })
        let named = try await database.doctor { $0.workerRole = role.name }.findings(.privileges)
        #expect(named.map(\.severity) == [.error])
        for finding in named { try await database.paste(finding) }
        #expect(try await database.doctor { $0.workerRole = role.name }.findings(.privileges).isEmpty)
        #expect(
          try await database.doctor { $0.workerRole = "no such role" }.findings(.privileges).first?.what.contains(
            "There is no role"
          ) == true
        )
      }
    }
  }
}
