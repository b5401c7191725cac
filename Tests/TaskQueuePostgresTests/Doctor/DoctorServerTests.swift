import ChildProcesses
import EmbeddedPostgres
import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@testable import TaskQueuePostgres

@Suite("The doctor on servers")
struct DoctorServerTests {
  @Test("Settings by which commits may be lost are found")
  func commits() async throws {
    try await withPatient(["fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"]) { _, doctor in
      let findings = try await doctor.findings(.commitSetting)
      #expect(findings.map(\.subject) == ["fsync", "full_page_writes", "synchronous_commit"])
      #expect(findings.map(\.severity) == [.error, .error, .warning])
    }
    try await withTestDatabase { database in
      try await database.query("ALTER DATABASE \(database.name) SET synchronous_commit = off")
      let finding = try #require(
        try await database.doctor().findings(.commitSetting).first { $0.subject == "synchronous_commit" }
      )
      #expect(finding.cure == ["ALTER DATABASE \"\(database.name)\" RESET synchronous_commit;"])
      try await database.paste(finding)
      #expect(try await !database.doctor().findings(.commitSetting).contains { $0.subject == "synchronous_commit" })
    }
  }

  @Test("Autovacuum that is off, for the server or a table, is found")
  func autovacuum() async throws {
    try await withPatient(["autovacuum": "off"]) { _, doctor in
      let findings = try await doctor.findings(.autovacuumOff)
      #expect(findings.map(\.subject) == ["autovacuum"])
    }
    try await withTestDatabase { database in
      try await database.query("ALTER TABLE taskqueue.task SET (autovacuum_enabled = false)")
      let findings = try await database.doctor().findings(.autovacuumOff)
      #expect(findings.map(\.subject) == ["task"])
      for finding in findings { try await database.paste(finding) }
      #expect(try await database.doctor().findings(.autovacuumOff).isEmpty)
    }
  }

  @Test("Whoever holds vacuum back is named: a session, a prepared transaction, a slot, a standby")
  func heldBack() async throws {
    try await withPatient(["max_prepared_transactions": "5", "wal_level": "logical"]) { postgres, doctor in
      var doctor = doctor
      doctor.thresholds.transactionAge = .milliseconds(1)
      doctor.thresholds.heldTransactions = 2
      let configuration = LibpqConfiguration(postgres.connectionString)
      try await withConnection(configuration) { session in
        _ = try await session.executeScript("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        let found = try await doctor.findings(.vacuumHeldBack)
        #expect(found.map(\.subject) == ["\(session.backendProcessID)"])
        _ = try await session.executeScript("COMMIT")
        _ = try await session.executeScript(
          "BEGIN; INSERT INTO taskqueue.alarm_rule VALUES ('note', '1 h'); PREPARE TRANSACTION 'it''s lost'"
        )
        let prepared = try #require(try await doctor.findings(.vacuumHeldBack).first)
        #expect(prepared.subject == "it's lost")
        _ = try await session.executeScript(prepared.cure[0])
        #expect(try await doctor.findings(.vacuumHeldBack).isEmpty)
        _ = try await session.query("SELECT pg_create_logical_replication_slot('forgotten', 'test_decoding')")
        for _ in 0..<5 { _ = try await session.query("SELECT pg_current_xact_id()") }
        let slot = try #require(try await doctor.findings(.vacuumHeldBack).first)
        #expect(slot.subject == "forgotten" && slot.what.contains("nobody reads from"))
        _ = try await session.executeScript(slot.cure[0])
      }
      let standby = try await postgres.startStandby(
        name: "reader",
        settings: ["hot_standby_feedback": "on", "wal_receiver_status_interval": "1"]
      )
      do {
        try await withConnection(LibpqConfiguration(standby.connectionString)) { reader in
          _ = try await reader.executeScript("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
          try await eventually("its feedback holds the primary back") {
            try await withConnection(configuration) {
              for _ in 0..<5 { _ = try await $0.query("SELECT pg_current_xact_id()") }
            }
            return try await doctor.findings(.vacuumHeldBack).contains {
              $0.subject == "reader" && $0.what.contains("hot_standby_feedback")
            }
          }
        }
        let report = try await Doctor(.init(LibpqConfiguration(standby.connectionString))).examine()
        #expect(report.isStandby && report.skipped.isEmpty, "\(report.skipped)")
        #expect(report.findings.isEmpty, "\(report.findings)")
      } catch { Issue.record(error) }
      await standby.stop()
    }
  }

  @Test("Bloat and dead rows are found, and gone after the cure")
  func bloat() async throws {
    try await withPatient(["autovacuum": "off", "fsync": "off"]) { postgres, doctor in
      var doctor = doctor
      doctor.thresholds.bloatBytes = 1 << 20
      doctor.thresholds.deadRows = 1_000
      let configuration = LibpqConfiguration(postgres.connectionString)
      try await withConnection(configuration) { session in
        _ = try await session.executeScript(
          """
          INSERT INTO taskqueue.task (type, payload) SELECT 'note', '{"text": "some words of a payload"}' FROM generate_series(1, 30000);
          ANALYZE taskqueue.task
          """
        )
        #expect(try await doctor.findings(.bloat, .deadRows).isEmpty, "full tables are no bloat")
        _ = try await session.executeScript("DELETE FROM taskqueue.task WHERE id % 100 > 0")
        try await eventually("the server counts the dead rows") {
          try await doctor.findings(.deadRows).map(\.subject) == ["task"]
        }
        _ = try await session.query("VACUUM ANALYZE taskqueue.task")
        let found = try await doctor.findings(.bloat)
        #expect(Set(found.map(\.subject)).isSuperset(of: ["task", "task_claim"]), "\(found)")
        for finding in found { _ = try await session.query(LibpqStatement(String(finding.cure[0].dropLast()))) }
        let after = try await doctor.findings(.bloat, .deadRows)
        #expect(after.isEmpty, "\(after)")
      }
    }
  }

  @Test("A lock table that fills up, and connections that run out, are found")
  func resources() async throws {
    let settings = [
      "max_locks_per_transaction": "10", "max_connections": "12", "superuser_reserved_connections": "3",
      "max_wal_senders": "0", "autovacuum": "off",
    ]
    try await withPatient(settings) { postgres, doctor in
      let configuration = LibpqConfiguration(postgres.connectionString)
      #expect(try await doctor.findings(.lockTable, .connections).isEmpty)
      try await withConnection(configuration) { session in
        _ = try await session.executeScript("BEGIN; SELECT pg_advisory_xact_lock(n) FROM generate_series(1, 110) AS n")
        let finding = try #require(try await doctor.findings(.lockTable).first)
        #expect(finding.what.contains("of about 120"), "\(finding)")
      }
      var others: [LibpqConnection] = []
      for _ in 0..<7 { others.append(try await LibpqConnection.connect(configuration)) }
      let finding = try #require(try await doctor.findings(.connections).first)
      #expect(finding.what.contains("8 of 9"), "\(finding)")
      for other in others { await other.close() }
    }
  }

  @Test("A session that holds up others is named, with how to end it")
  func blocking() async throws {
    try await withTestDatabase { database in
      let doctor = try database.doctor { $0.thresholds.lockWait = .milliseconds(1) }
      let holder = try await LibpqConnection.connect(database.configuration("application_name=holder"))
      _ = try await holder.executeScript("BEGIN; LOCK TABLE taskqueue.task IN ACCESS EXCLUSIVE MODE")
      async let waiting: Void = {
        _ = try await database.query("SELECT taskqueue.enqueue('note', '{}')")
      }()
      try await eventually("the other one waits") {
        try await doctor.findings(.blockingSession).map(\.subject) == ["\(holder.backendProcessID)"]
      }
      let finding = try #require(try await doctor.findings(.blockingSession).first)
      #expect(finding.what.contains("holder") && finding.what.contains("idle in transaction"))
      try await database.paste(finding)
      try await waiting
      #expect(try await doctor.findings(.blockingSession).isEmpty)
      await holder.close()
    }
  }

  @Test("A clock that is off is found, in both directions", arguments: [-30.0, 30.0])
  func clock(_ seconds: Double) async throws {
    try await withTestDatabase { database in
      #expect(try await database.doctor().findings(.clockSkew).isEmpty)
      let finding = try #require(
        try await database.doctor { $0.now = { Date(timeIntervalSinceNow: seconds) } }.findings(.clockSkew).first
      )
      #expect(finding.what.contains("30 s \(seconds > 0 ? "ahead of" : "behind")"), "\(finding)")
    }
  }

  @Test(
    "A pooler in transaction mode is found, one in session mode is a note",
    .enabled(if: PgBouncer.isInstalled),
    arguments: ["transaction", "session"]
  )
  func pooler(_ mode: String) async throws {

    let postgres = try await EmbeddedPostgres.start(listensOnLoopback: true)
    do {
      try await Migrator(configuration: LibpqConfiguration(postgres.connectionString)).migrate()
      #expect(try await Doctor(.init(LibpqConfiguration(postgres.connectionString))).findings(.pooler).isEmpty)
      let pooler = try await PgBouncer.start(before: postgres.port, mode: mode)
      let findings = try await Doctor(.init(LibpqConfiguration(pooler.url))).findings(.pooler)
      #expect(findings.map(\.subject) == [mode], "\(findings)")
      #expect(findings.map(\.severity) == [mode == "transaction" ? .warning : .note])
      await pooler.process.stop()
    } catch { Issue.record(error) }
    await postgres.stop()
  }
}

/// A pooler of one test's own.
struct PgBouncer {
  static let path = "/usr/sbin/pgbouncer"
  static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }

  let process: ChildProcess
  let url: String

  static func start(before port: Int, mode: String) async throws -> PgBouncer {
    let directory = FileManager.default.temporaryDirectory.appending(path: "pgbouncer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let own = Int.random(in: 20_000...30_000)
    let settings = """
      [databases]
      postgres = host=127.0.0.1 port=\(port) user=postgres
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = \(own)
      unix_socket_dir =
      auth_type = any
      pool_mode = \(mode)
      ignore_startup_parameters = extra_float_digits
      """
    let file = directory.appending(path: "pgbouncer.ini")
    try settings.write(to: file, atomically: true, encoding: .utf8)
    // Refuses to run as root.
    let isRoot = getuid() == 0
    if isRoot { _ = try await ChildProcess.run(ChildCommand("/bin/chmod", ["-R", "a+rX", directory.path])) }
    var command =
      isRoot
      ? ChildCommand("/usr/sbin/runuser", ["-u", "postgres", "--", path, "-q", file.path])
      : ChildCommand(path, ["-q", file.path])
    command.output = .discarded
    command.errors = .discarded
    let process = try ChildProcess(command)
    let url = "postgresql://postgres@127.0.0.1:\(own)/postgres"
    try await eventually("the pooler answers") { (try? await LibpqConnection.connect(LibpqConfiguration(url))) != nil }
    return PgBouncer(process: process, url: url)
  }
}
