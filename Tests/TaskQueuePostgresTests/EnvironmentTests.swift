import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Settings of role and database")
struct EnvironmentTests {
  @Test(
    "S37 What does not matter: a worker's role works with it",
    arguments: [
      ["default_transaction_isolation = 'serializable'"], ["default_transaction_isolation = 'repeatable read'"],
      ["standard_conforming_strings = off", "escape_string_warning = on"], ["client_encoding = 'LATIN1'"],
      [
        "DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "extra_float_digits = -15",
        "bytea_output = 'escape'",
        "TimeZone = 'Asia/Kathmandu'", "xmloption = 'document'",
      ],
      ["search_path = ''"], ["search_path = 'nowhere, pg_temp, pg_catalog'"],
      ["quote_all_identifiers = on", "transform_null_equals = on", "array_nulls = off"],
      ["row_security = off", "lc_messages = 'C'", "client_min_messages = 'debug1'"],
      ["statement_timeout = '30 s'", "lock_timeout = '30 s'", "idle_in_transaction_session_timeout = '30 s'"],
      ["enable_indexscan = off", "plan_cache_mode = 'force_custom_plan'", "jit_above_cost = 0"],
      ["synchronous_commit = off", "default_transaction_deferrable = on"],
    ]
  )
  func harmless(settings: [String]) async throws {
    try await withTestDatabase { database in
      try await database.withRole("worker") { role in
        try await role("grant_worker")
        for setting in settings { try await database.query("ALTER ROLE \(role.name) SET \(setting)") }
        let store = try PostgresTaskStore(.init(role.configuration))
        try await store.checkEnvironment()
        try await SmallWorkload(store: store).run()
        await store.close()
      }
    }
  }

  @Test("S37 The database's default isolation does not matter, even if nobody asked for it before")
  func unknownIsolation() async throws {
    try await withTestDatabase { database in
      try await database.query("ALTER DATABASE \(database.name) SET default_transaction_isolation = 'serializable'")
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await SmallWorkload(store: store).run()
      // The app's own transactions keep it.
      let level = try await store.withTransaction { try await $0.query("SHOW transaction_isolation")[0].text(0) }
      #expect(level == "serializable")
      await store.close()
    }
  }

  @Test("S37 For a superuser: a session that replays nothing is as good", arguments: ["replica", "local"])
  func replicationRole(_ value: String) async throws {
    try await withTestDatabase { database in
      try await database.query("ALTER DATABASE \(database.name) SET session_replication_role = \(value)")
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await store.checkEnvironment()
      try await SmallWorkload(store: store).run()
      await store.close()
    }
  }

  @Test(
    "S37 A database whose encoding cannot hold every text is named at the start; one that holds all bytes works",
    arguments: ["LATIN1", "SQL_ASCII", "EUC_JP", "WIN1251"]
  )
  func encodings(_ encoding: String) async throws {
    try await withTestDatabase(migrated: false) { first in
      let name = "\(first.name)_\(encoding.lowercased())"
      try await first.query(
        "CREATE DATABASE \(name) ENCODING '\(encoding)' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
      )
      let configuration = first.configuration("dbname=\(name)")
      do {
        try await Migrator(configuration: configuration).migrate()
        let store = try PostgresTaskStore(.init(configuration))
        if encoding == "SQL_ASCII" {
          try await store.checkEnvironment()
          try await SmallWorkload(store: store).run()
        } else {
          let error = await #expect(throws: TaskQueueError.self) { try await store.checkEnvironment() }
          #expect(error?.code == .invalidConfiguration)
          #expect(error?.message.contains("has the encoding \(encoding)") == true)
          #expect(error?.message.contains("ENCODING 'UTF8'") == true)
          // What a task cannot hold is its enqueuer's error, and no other's.
          let refused = await #expect(throws: TaskQueueError.self) { try await store.add("\u{1F600}") }
          #expect(refused?.code == .encodingFailed)
          _ = try await store.add("plain")
        }
        await store.close()
      } catch { Issue.record(error) }
      try await first.query("DROP DATABASE \(name) WITH (FORCE)")
    }
  }

  @Test("S37 Temporary tables and a search path of others' functions hide nothing")
  func strangers() async throws {
    try await withTestDatabase { database in
      try await database.query("CREATE SCHEMA strange")
      try await database.query(
        "CREATE FUNCTION strange.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'"
      )
      try await database.query("CREATE TABLE strange.task (id int)")
      try await database.query("ALTER DATABASE \(database.name) SET search_path = strange, public")
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 1))
      for table in ["task", "dead_task", "effect", "inbox_event", "paused_queue", "migration"] {
        try await store.pool.executeScript("CREATE TEMP TABLE \(table) (x int)")
      }
      try await store.checkEnvironment()
      try await SmallWorkload(store: store).enqueue()
      #expect(try await store.claimAll().isEmpty == false)
      await store.close()
    }
  }

  @Test(
    "S37 Settings that cannot work are named at the start, with the cure",
    arguments: [
      ("statement_timeout = '1 ms'", ["statement_timeout is 1 ms", "SET statement_timeout = 0"]),
      ("statement_timeout = '200 ms'", ["statement_timeout is 200 ms", "at least 1 s"]),
      ("lock_timeout = '10 ms'", ["lock_timeout is 10 ms", "SET lock_timeout = 0"]),
      ("idle_in_transaction_session_timeout = '5 ms'", ["idle_in_transaction_session_timeout is 5 ms"]),
      (
        "default_transaction_read_only = on",
        ["default_transaction_read_only is on", "SET default_transaction_read_only = off"]
      ),
    ]
  )
  func named(setting: String, parts: [String]) async throws {
    try await withTestDatabase { database in
      try await database.withRole("worker") { role in
        try await role("grant_worker")
        for (command, cure) in [
          ("ALTER ROLE \(role.name)", "ALTER ROLE \"\(role.name)\" SET"),
          ("ALTER ROLE \(role.name) IN DATABASE \(database.name)", "IN DATABASE \"\(database.name)\" SET"),
          ("ALTER DATABASE \(database.name)", "ALTER DATABASE \"\(database.name)\" SET"),
        ] {
          try await database.query("\(command) SET \(setting)")
          let store = try PostgresTaskStore(.init(role.configuration))
          let error = await #expect(throws: TaskQueueError.self) { try await store.checkEnvironment() }
          #expect(error?.code == .invalidConfiguration)
          for part in parts + [cure] { #expect(error?.message.contains(part) == true, "\(error?.message ?? "")") }
          await store.close()
          // By a session that the setting does not hinder.
          let undone = database.configuration("options=-cdefault_transaction_read_only%3Doff%20-cstatement_timeout%3D0")
          let connection = try await LibpqConnection.connect(undone)
          try await connection.executeScript("\(command) RESET ALL")
          await connection.close()
        }
      }
    }
  }

  @Test("S37 Row security is named at the start, unless the role passes by it")
  func rowSecurity() async throws {
    try await withTestDatabase { database in
      try await database.withRole("worker") { role in
        try await role("grant_worker")
        try await database.query("ALTER TABLE taskqueue.task ENABLE ROW LEVEL SECURITY")
        let store = try PostgresTaskStore(.init(role.configuration))
        let error = await #expect(throws: TaskQueueError.self) { try await store.checkEnvironment() }
        #expect(error?.code == .invalidConfiguration)
        for part in ["Row security", "\"taskqueue\".task", "BYPASSRLS", "DISABLE ROW LEVEL SECURITY"] {
          #expect(error?.message.contains(part) == true)
        }
        try await database.query("ALTER ROLE \(role.name) BYPASSRLS")
        try await store.checkEnvironment()
        try await SmallWorkload(store: store).run()
        await store.close()
      }
    }
  }

  @Test("S37 A schema that is missing, empty, renamed, too old or too new is named at the start, with the cure")
  func schemas() async throws {
    try await withTestDatabase { database in
      func message(_ schema: String) async throws -> String {
        let store = try PostgresTaskStore(.init(database.postgresConfiguration, schema: schema))
        let error = await #expect(throws: TaskQueueError.self) { try await store.checkEnvironment() }
        await store.close()
        #expect(error?.code == .invalidConfiguration)
        return error?.message ?? ""
      }
      #expect(try await message("task_queue").contains("has no schema \"task_queue\""))
      try await database.query("CREATE SCHEMA empty")
      #expect(try await message("empty").contains("it has no "))
      try await database.query("ALTER SCHEMA taskqueue RENAME TO \"q 2\"")
      let renamed = try await message("q 2")
      #expect(renamed.contains("look for their tables in taskqueue") && renamed.contains("Run Migrator"))
      try await database.query("ALTER SCHEMA \"q 2\" RENAME TO taskqueue")
      try await database.query("DELETE FROM taskqueue.migration WHERE version > 1")
      #expect(try await message("taskqueue").contains("has version 1, and this program needs"))
      try await database.query(
        "INSERT INTO taskqueue.migration VALUES (2, 'effects', 1), (3, 'schedules', 1), (4, 'limits', 1), (99, 'later', 98)"
      )
      #expect(try await message("taskqueue").contains("Deploy a program with a newer release"))
      try await database.query("UPDATE taskqueue.migration SET minimum_program_version = 2")
      try await PostgresTaskStore(.init(database.postgresConfiguration)).checkEnvironment()
      try await database.query("DROP FUNCTION taskqueue._renew")
      #expect(try await message("taskqueue").contains("it has no _renew"))
    }
  }

  @Test("S37 A missing privilege is named at the start, with the GRANT that is missing")
  func privileges() async throws {
    try await withTestDatabase { database in
      try await database.withRole("worker") { role in
        let store = try PostgresTaskStore(.init(role.configuration))
        let nothing = await #expect(throws: TaskQueueError.self) { try await store.checkEnvironment() }
        #expect(nothing?.code == .invalidConfiguration)
        for part in [
          "SELECT \"taskqueue\".grant_worker('\(role.name)');",
          "GRANT USAGE ON SCHEMA \"taskqueue\" TO \"\(role.name)\";",
          "GRANT SELECT, INSERT, UPDATE, DELETE ON \"taskqueue\".task TO \"\(role.name)\";",
          "GRANT USAGE, SELECT ON SEQUENCE \"taskqueue\".task_id_seq TO \"\(role.name)\";",
        ] {
          #expect(nothing?.message.contains(part) == true, "\(nothing?.message ?? "")")
        }
        // What the message says is enough.
        let message = try #require(nothing?.message)
        let grants = try #require(message.firstRange(of: "or just: ").map { String(message[$0.upperBound...]) })
        for grant in grants.split(separator: ";") { try await database.query(String(grant)) }
        try await store.checkEnvironment()
        try await role("grant_worker")
        try await SmallWorkload(store: store).run()
        for (revoke, missing) in [
          ("UPDATE ON taskqueue.task", "GRANT UPDATE ON \"taskqueue\".task"),
          ("SELECT ON SEQUENCE taskqueue.task_id_seq", "GRANT SELECT ON SEQUENCE \"taskqueue\".task_id_seq"),
          ("DELETE ON taskqueue.effect", "GRANT DELETE ON \"taskqueue\".effect"),
          ("USAGE ON SCHEMA taskqueue", "GRANT USAGE ON SCHEMA \"taskqueue\""),
        ] {
          try await database.query("REVOKE \(revoke) FROM \(role.name)")
          let error = await #expect(throws: TaskQueueError.self) { try await store.checkEnvironment() }
          #expect(error?.message.contains(missing) == true, "\(error?.message ?? "")")
          #expect(error?.message.components(separatedBy: "GRANT ").count == 2)
          try await role("grant_worker")
          try await store.checkEnvironment()
        }
        await store.close()
      }
    }
  }

  @Test("S37 The grants that were enough before the templates are still enough")
  func plainGrants() async throws {
    try await withTestDatabase { database in
      try await database.withRole("worker") { role in
        for grant in [
          "USAGE ON SCHEMA taskqueue", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA taskqueue",
          "USAGE, SELECT ON ALL SEQUENCES IN SCHEMA taskqueue",
        ] {
          try await database.query("GRANT \(grant) TO \(role.name)")
        }
        let store = try PostgresTaskStore(.init(role.configuration))
        try await store.checkEnvironment()
        try await SmallWorkload(store: store).run()
        try await store.pause("q")
        try await store.resume("q")
        await store.close()
      }
    }
  }
}
