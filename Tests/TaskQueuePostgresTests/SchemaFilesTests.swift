import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueMigrations
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("The schema's files")
struct SchemaFilesTests {
  private func files(in folder: String, suffix: String = ".sql") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Psql.migrations.appending(path: folder).path)
      .filter { $0.hasSuffix(suffix) }.sorted()
  }

  @Test("Every file of the folders is embedded, in order, and named by install.sql")
  func complete() throws {
    let functions = try files(in: "functions")
    #expect(functions == FunctionFile.all.map { "\($0.name).sql" })
    let versions = try files(in: "").filter { $0.hasPrefix("V") }
    #expect(versions == MigrationFile.all.map { "V\(String("000\($0.version)".suffix(4)))_\($0.name).sql" })
    #expect(MigrationFile.all.map(\.version) == Array(1...MigrationFile.all.count))

    let install = try String(contentsOf: Psql.migrations.appending(path: "install.sql"), encoding: .utf8)
    let included = install.split(separator: "\n").compactMap { line in
      line.firstRange(of: "\\ir ").map { String(line[$0.upperBound...]) }
    }
    #expect(included == versions + functions.map { "functions/\($0)" })
    #expect(install.contains("\\set revision \(FunctionFile.revision)\n"))
    #expect(install.contains("\\set newest_version \(MigrationFile.all.map(\.version).max() ?? 0)\n"))
  }

  @Test("A function's file creates that function and can be applied again; all files are ASCII")
  func shape() throws {
    for file in FunctionFile.all {
      let text = String(decoding: file.bytes, as: UTF8.self)
      let created = text.matches(of: /(?m)^CREATE .*$/).map { String($0.output) }
      #expect(created.count == 1)
      #expect(created[0].hasPrefix("CREATE OR REPLACE FUNCTION \(file.name)("))
    }
    for file in FunctionFile.all.map(\.bytes) + MigrationFile.all.map(\.bytes) {
      #expect(file.allSatisfy { $0 < 0x80 })
    }
  }

  /// The body of a function is read with the caller's settings.
  @Test("A function reads the same whatever standard_conforming_strings says")
  func strings() {
    for file in FunctionFile.all {
      for line in String(decoding: file.bytes, as: UTF8.self).split(separator: "\n") where line.contains("\\") {
        #expect(line.contains("E'"), "\(file.name): \(line)")
      }
    }
  }

  /// Versions are frozen: a database that has one will never see another content of it. Add a version instead.
  @Test("The versions' files have not changed")
  func frozen() async throws {
    try await withTestDatabase { database in
      let checksums = try await Migrator(configuration: database.postgresConfiguration).status().applied.map(\.checksum)
      #expect(
        checksums == [
          "cfb2deaa1b48b415f287572eca85bb4217521d625c3e2d48ae306dad9f7c9982",
          "d351bd0352593cbd165cd25adb1fc99bd334946ce6f09255202918ca749600b4",
          "fec39104bc1e3c680a178c1718d0d3f2e2a0c1bd686c2177f8364527cd544951",
          "d5bd15751403c8119636304c58389dbf5cae2a8c8e8f36eb2e901ef1dddb5598",
          "53d48b9540cd1dbd2cb815f8da3d3316e75c6659e1a29bc42aee0f0f1f7d72f1",
          "d93fa15c373ab4914e8e6a3e8c19042a16deeb46faf713887b50d17d41f30861",
          "39293aee97aa2da6e0241eeaf812da45bad0f63387bd1aca762a454ca96cd2ac",
          "315a04afeda239a93a0cf5a1f78a51e2e152808b95cb929a9c27ed25709a73f9",
          "a7bd4cdfd6064e548abbb59582a81a420496f80fe569cd49ee084f97530386c6",
        ]
      )
    }
  }

  /// Whoever changes a function raises the revision, in `FunctionFile.swift` and `install.sql`, and only then the digest here: an
  /// older program would put its function over the newer one.
  @Test("The functions have not changed since their revision")
  func revision() async throws {
    try await withTestDatabase { database in
      let digest = try await database.query(
        """
        SELECT encode(sha256(convert_to(string_agg(name || ' ' || checksum, E'\\n' ORDER BY name), 'UTF8')), 'hex')
        FROM taskqueue.installed_function
        """
      )[0].text(0)
      #expect(
        [FunctionFile.revision: digest] == [1: "fe137145227adaae0b2c16482494374eeb2fda31c5999b4855e629bfdc8a2e31"]
      )
    }
  }

  /// An array of a domain has a type of its own, which no driver knows and no `text[]` is equal to.
  @Test("No view shows a domain")
  func views() async throws {
    try await withTestDatabase { database in
      let domains = try await database.query(
        """
        SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE c.relnamespace = 'taskqueue'::regnamespace AND c.relkind = 'v' AND t.typtype = 'd'
        """
      )
      let names = try domains.rows.map { row throws in try row.text(0) }
      #expect(names == [])
    }
  }

  @Test("Everything public has a comment; what is internal begins with an underscore")
  func comments() async throws {
    try await withTestDatabase { database in
      let silent = try await database.query(
        """
        SELECT c.relname::text FROM pg_class AS c
        WHERE c.relnamespace = 'taskqueue'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid) IS NULL
        UNION ALL
        SELECT c.relname || '.' || a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.oid IN ('taskqueue.live_task'::regclass, 'taskqueue.dead_letter'::regclass)
          AND col_description(c.oid, a.attnum) IS NULL
        UNION ALL
        SELECT t.typname::text FROM pg_type AS t
        WHERE t.typnamespace = 'taskqueue'::regnamespace AND t.typtype = 'd' AND obj_description(t.oid) IS NULL
        UNION ALL
        SELECT p.proname::text FROM pg_proc AS p
        WHERE p.pronamespace = 'taskqueue'::regnamespace AND p.proname NOT LIKE '\\_%' AND obj_description(p.oid) IS NULL
        """
      )
      #expect(try silent.rows.map { try $0.text(0) } == [])
      let publicFunctions = try await database.query(
        """
        SELECT DISTINCT proname::text FROM pg_proc
        WHERE pronamespace = 'taskqueue'::regnamespace AND proname NOT LIKE '\\_%' ORDER BY 1
        """
      )
      #expect(
        try publicFunctions.rows.map { try $0.text(0) } == [
          "cancel", "complete", "declare_limit", "delete_duplicates", "emit", "enqueue", "explain", "grant_enqueuer",
          "grant_operator", "grant_worker", "pause_limit", "pause_limit_for",
          "pause_queue", "purge", "redrive", "reset_limit",
          "resolve_effect",
          "resume_limit", "resume_queue", "retry", "run_now", "schedule_pause", "schedule_put", "schedule_remove",
          "schedule_reset", "schedule_resume", "schedule_run", "set_limit", "take_limit",
        ]
      )
    }
  }
}
