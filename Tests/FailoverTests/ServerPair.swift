import EmbeddedPostgres
import Foundation
import Libpq
import TaskQueuePostgres

/// A primary and a streaming standby, both at ports of 127.0.0.1.
struct ServerPair: Sendable {
  let primary: EmbeddedPostgres
  let standby: EmbeddedPostgres

  /// Runs `body` with a pair whose primary has the queue's tables and `public.entry`; stops both servers at the end.
  static func with(isSynchronous: Bool, _ body: (ServerPair) async throws -> Void) async throws {
    // Only processes die here, never the machine.
    let settings = ["fsync": "off", "full_page_writes": "off"]
    let primary = try await EmbeddedPostgres.start(settings: settings, listensOnLoopback: true)
    do {
      _ = try await Migrator(configuration: LibpqConfiguration(primary.connectionString)).migrate()
      let standby = try await primary.startStandby(name: "other", listensOnLoopback: true)
      do {
        let pair = ServerPair(primary: primary, standby: standby)
        if isSynchronous { try await pair.makeSynchronous() }
        try await pair.prepare()
        try await body(pair)
      } catch {
        await standby.stop()
        throw error
      }
      await standby.stop()
    } catch {
      await primary.stop()
      throw error
    }
    await primary.stop()
  }

  /// What an app is configured with: both hosts, the primary first, and whichever takes writes.
  var connection: LibpqConfiguration {
    let hosts = "127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)"
    var configuration = LibpqConfiguration("postgresql://postgres@\(hosts)/postgres?target_session_attrs=read-write")
    // A server that is frozen keeps its connections open. Without a limit whoever calls would wait for it to come back.
    configuration.statementTimeout = .seconds(3)
    configuration.cancelTimeout = .seconds(1)
    configuration.connectTimeout = .seconds(4)
    return configuration
  }

  private func makeSynchronous() async throws {
    try await primary.configure(["synchronous_standby_names": "other"])
    try await eventually("the standby is synchronous") {
      try await query("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", on: primary)[0].int8(0) == 1
    }
  }

  private func prepare() async throws {
    // Nothing here keeps a second row of a number out: doubles are to be seen.
    _ = try await query("CREATE TABLE public.entry (number bigint NOT NULL, run uuid NOT NULL)", on: primary)
    try await waitForStandby()
  }

  /// Returns when the standby has replayed all that the primary has written.
  func waitForStandby() async throws {
    let position = try await query("SELECT pg_current_wal_lsn()::text", on: primary)[0].text(0)
    let statement = LibpqStatement("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", [.text(position)])
    try await eventually("the standby has caught up") { try await query(statement, on: standby)[0].bool(0) }
  }

  /// Ends replication for good: what the primary commits from now on is lost with it.
  func disconnect() async throws {
    try await standby.configure(["primary_conninfo": ""])
    try await eventually("the standby receives no more") {
      try await query("SELECT count(*) FROM pg_stat_replication", on: primary)[0].int8(0) == 0
    }
  }

  // MARK: - Looking

  /// The rows at one of the servers, whatever the other does.
  func entries(on server: EmbeddedPostgres) async throws -> [Entry] {
    try await query("SELECT number, run::text FROM public.entry", on: server).rows.map { row in
      Entry(number: try row.int8(0), run: try row.text(1))
    }
  }

  func entryCount(on server: EmbeddedPostgres) async throws -> Int {
    Int(try await query("SELECT count(*) FROM public.entry", on: server)[0].int8(0))
  }

  /// Tasks that are not done, and dead ones.
  func openTaskCount(on server: EmbeddedPostgres) async throws -> Int {
    let sql = """
      SELECT (SELECT count(*) FROM taskqueue.task WHERE finished_at IS NULL) + (SELECT count(*) FROM taskqueue.dead_task)
      """
    return Int(try await query(sql, on: server)[0].int8(0))
  }

  private func query(_ sql: String, on server: EmbeddedPostgres) async throws -> LibpqResult {
    try await query(LibpqStatement(sql), on: server)
  }

  private func query(_ statement: LibpqStatement, on server: EmbeddedPostgres) async throws -> LibpqResult {
    let connection = try await LibpqConnection.connect(LibpqConfiguration(server.connectionString))
    let result = try await connection.query(statement, within: .seconds(20))
    await connection.close()
    return result
  }
}

/// The business row of one attempt.
struct Entry: Hashable, Sendable {
  let number: Int64
  let run: String
}

/// Looks again and again until it is so.
func eventually(
  _ what: String,
  within limit: Duration = .seconds(180),
  _ condition: () async throws -> Bool
) async throws {
  struct NeverHappened: Error, CustomStringConvertible {
    let description: String
  }
  let deadline = ContinuousClock.now + limit
  while true {
    if try await condition() { return }
    guard ContinuousClock.now < deadline else { throw NeverHappened(description: "it never happened that \(what)") }
    try await Task.sleep(for: .milliseconds(20))
  }
}
