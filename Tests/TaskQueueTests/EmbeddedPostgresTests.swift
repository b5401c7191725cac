import ChildProcesses
import EmbeddedPostgres
import Foundation
import Testing

@Suite("Embedded PostgreSQL")
struct EmbeddedPostgresTests {
  @Test("answers on its socket, keeps data over a crash, and leaves nothing behind when stopped")
  func lifeCycle() async throws {
    let postgres = try await EmbeddedPostgres.start(settings: ["fsync": "off", "cluster_name": "it's \\ a test"])
    #expect(try await query("SHOW cluster_name", postgres) == "it's \\ a test")
    #expect(try await query("SHOW listen_addresses", postgres) == "")
    #expect(try await query("CREATE TABLE kept AS SELECT 1", postgres) == "SELECT 1")

    let before = try #require(postgres.postmasterID)
    try await postgres.restart(immediate: true)
    let after = try #require(postgres.postmasterID)
    #expect(after != before && isRunning(after))
    #expect(try await query("SELECT count(*) FROM kept", postgres) == "1")

    await postgres.stop()
    await postgres.stop()
    #expect(!FileManager.default.fileExists(atPath: postgres.dataDirectory))
    #expect(try await eventually { !isRunning(after) })
    await #expect { try await postgres.restart(immediate: false) } throws: { error in
      (error as? EmbeddedPostgresError)?.code == .stopped
    }
  }

  @Test("does not answer while paused, and can be stopped then")
  func pause() async throws {
    let postgres = try await EmbeddedPostgres.start(settings: ["fsync": "off"])
    let postmaster = try #require(postgres.postmasterID)
    postgres.pause()
    #expect(try await readiness(postgres) == 2)
    postgres.resume()
    #expect(try await readiness(postgres) == 0)
    postgres.pause()
    await postgres.stop()
    #expect(try await eventually { !isRunning(postmaster) })
  }

  @Test("is reached at a port of the loopback if that is asked for, and can be killed and started again")
  func loopback() async throws {
    let postgres = try await EmbeddedPostgres.start(settings: ["fsync": "off"], listensOnLoopback: true)
    let port = try await query(
      "SELECT inet_server_port()",
      postgres,
      "host=127.0.0.1 port=\(postgres.port) user=postgres"
    )
    #expect(port == "\(postgres.port)")
    let postmaster = try #require(postgres.postmasterID)
    postgres.kill()
    #expect(try await eventually { !isRunning(postmaster) })
    try await postgres.restart(immediate: false)
    #expect(try await query("SELECT 1", postgres) == "1")
    try await postgres.configure(["work_mem": "7MB"])
    #expect(try await eventually { try await query("SHOW work_mem", postgres) == "7MB" })
    await postgres.stop()
  }

  @Test("has a standby that follows, outlives its primary and takes over")
  func standby() async throws {
    let primary = try await EmbeddedPostgres.start(settings: ["fsync": "off"])
    let standby = try await primary.startStandby(name: "other")
    #expect(try await query("SELECT pg_is_in_recovery()", standby) == "t")
    try await primary.configure(["synchronous_standby_names": "other"])
    #expect(
      try await eventually {
        try await query("SELECT sync_state FROM pg_stat_replication", primary) == "sync"
      }
    )
    _ = try await query("SET synchronous_commit = remote_apply; CREATE TABLE kept AS SELECT 1", primary)
    primary.kill()
    #expect(try await query("SELECT count(*) FROM kept", standby) == "1")
    try await standby.promote()
    #expect(try await query("CREATE TABLE more AS SELECT 1", standby) == "SELECT 1")
    #expect(try await query("SHOW synchronous_standby_names", standby) == "")
    await #expect(throws: EmbeddedPostgresError.self) { try await standby.promote() }
    await primary.stop()
    await standby.stop()
    await #expect(throws: EmbeddedPostgresError.self) { try await primary.startStandby(name: "no name") }
  }

  @Test("tells why the server does not start")
  func failure() async throws {
    await #expect { try await EmbeddedPostgres.start(settings: ["no_such_setting": "1"]) } throws: { error in
      let error = error as? EmbeddedPostgresError
      return error?.code == .startFailed && error?.message.contains("no_such_setting") == true
    }
    await #expect { try await EmbeddedPostgres.start(settings: ["port = 1 #": "1"]) } throws: { error in
      (error as? EmbeddedPostgresError)?.code == .invalidSetting
    }
  }

  @Test("goes away with its last reference")
  func release() async throws {
    let directory = try await EmbeddedPostgres.start(settings: ["fsync": "off"]).dataDirectory
    #expect(try await eventually { !FileManager.default.fileExists(atPath: directory) })
  }

  @Test("goes away after its process is killed, even while paused")
  func killed() async throws {
    let result = try #require(
      await #expect(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
        let postgres = try await EmbeddedPostgres.start(settings: ["fsync": "off"])
        let line = "cluster \(postgres.postmasterID ?? 0) \(postgres.dataDirectory)\n"
        try FileHandle.standardOutput.write(contentsOf: Data(line.utf8))
        postgres.pause()
        kill(getpid(), SIGKILL)
        await postgres.stop()
      }
    )
    let output = String(decoding: result.standardOutputContent, as: UTF8.self)
    let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("cluster ") })
    let words = line.split(separator: " ").map(String.init)
    let postmaster = try #require(Int32(words[1]))
    #expect(postmaster > 0)
    #expect(try await eventually { !isRunning(postmaster) && !FileManager.default.fileExists(atPath: words[2]) })
  }

  /// The result of one statement, by `psql`.
  private func query(_ sql: String, _ postgres: EmbeddedPostgres, _ connection: String? = nil) async throws -> String {
    let psql = try EmbeddedPostgres.binaryDirectory() + "/psql"
    let result = try await ChildProcess.run(
      ChildCommand(psql, ["-XAtc", sql, connection ?? postgres.connectionString])
    )
    #expect(result.exit == .exited(0))
    return result.output.trimmingCharacters(in: .newlines)
  }

  /// What `pg_isready` exits with: 0 when the server answers, 2 when it doesn't within a second.
  private func readiness(_ postgres: EmbeddedPostgres) async throws -> Int32? {
    let program = try EmbeddedPostgres.binaryDirectory() + "/pg_isready"
    let result = try await ChildProcess.run(ChildCommand(program, ["-q", "-t", "1", "-d", postgres.connectionString]))
    return result.exit.status
  }

  /// Whether a process runs. One that ended may stay listed, without a command line, until its parent asks.
  private func isRunning(_ process: Int32) -> Bool {
    #if os(Linux)
      FileManager.default.contents(atPath: "/proc/\(process)/cmdline")?.isEmpty == false
    #else
      kill(process, 0) == 0
    #endif
  }

  /// Polls other processes' doings for up to 20 seconds.
  private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      if try await condition() { return true }
      try await Task.sleep(for: .milliseconds(20))
    }
    return try await condition()
  }
}
