import ChildProcesses
import Foundation
import Synchronization

/// A private PostgreSQL cluster in a temporary directory, for tests and demos.
///
/// ```swift
/// let postgres = try await EmbeddedPostgres.start()
/// print(postgres.connectionString)
/// await postgres.stop()
/// ```
///
/// The server listens on a Unix socket, in a directory that no other user can enter, and trusts whoever gets there. With
/// `listensOnLoopback` it also listens on TCP, at 127.0.0.1 only, where it trusts every user of this machine, as any role:
/// `postgresql://web@127.0.0.1:\(postgres.port)/postgres`. Run as root, it runs as user `postgres` (or `nobody`). Its directory
/// goes away with ``stop()``, when the last reference is dropped, and shortly after the end of this process, even by `SIGKILL`:
/// a small shell of its own session watches over it.
///
/// Starting takes a second or two, most of it for `initdb`. Data is flushed as by default; pass `["fsync": "off"]`
/// where a crash of the machine doesn't matter.
public final class EmbeddedPostgres: Sendable {
  /// The cluster's data directory (`PGDATA`).
  public let dataDirectory: String

  /// The number of its TCP port, if it listens there, and the one in its socket's name.
  public let port: Int

  private let socketDirectory: String

  /// A shell; `nil` once stopped. Locked for as long as a command to it is under way. The cluster goes when this does.
  private let supervisor: Mutex<ChildProcess?>

  /// Whether nothing of the server runs any more.
  private let wasKilled = Mutex(false)

  private init(supervisor: ChildProcess, directory: String, port: Int) {
    self.supervisor = Mutex(supervisor)
    self.port = port
    socketDirectory = directory
    dataDirectory = directory + "/data"
  }

  /// Creates a cluster and starts its server.
  ///
  /// - Parameters:
  ///   - settings: lines of `postgresql.conf`, over the defaults: no TCP, 200 connections.
  ///   - listensOnLoopback: whether it can be reached at 127.0.0.1 too, at a ``port`` that was free a moment before.
  ///   - progress: called with a short sentence per step, on a thread of its own.
  /// - Throws: ``EmbeddedPostgresError``; nothing is left behind then. A start isn't cut short by cancellation; the
  ///   server gets 60 seconds to accept connections.
  public static func start(
    settings: [String: String] = [:],
    listensOnLoopback: Bool = false,
    progress: (@Sendable (String) -> Void)? = nil
  ) async throws -> EmbeddedPostgres {
    try await launch(settings, listensOnLoopback: listensOnLoopback, replicating: nil, progress)
  }

  /// Creates a copy of this running cluster and starts it as a streaming standby, which answers queries.
  ///
  /// It follows asynchronously until ``configure(_:)`` names it in the primary's `synchronous_standby_names`. It has the primary's
  /// settings of this moment, without that one. It stays when the primary stops; both have to be stopped.
  ///
  /// - Parameters:
  ///   - name: its `application_name` at the primary; letters, digits and underscores.
  ///   - settings: further lines of its `postgresql.conf`.
  /// - Throws: ``EmbeddedPostgresError``.
  public func startStandby(
    name: String,
    settings: [String: String] = [:],
    listensOnLoopback: Bool = false
  ) async throws -> EmbeddedPostgres {
    guard !name.isEmpty, name.utf8.allSatisfy({ Self.isNameByte($0) && $0 != UInt8(ascii: ".") }) else {
      throw EmbeddedPostgresError(code: .invalidSetting, message: "Not a name for a standby: \(name)")
    }
    let source = "host=\(socketDirectory) port=\(port) user=postgres"
    var settings = settings
    settings["primary_conninfo"] = "\(source) application_name=\(name)"
    settings["synchronous_standby_names"] = settings["synchronous_standby_names"] ?? ""
    return try await Self.launch(settings, listensOnLoopback: listensOnLoopback, replicating: source, nil)
  }

  /// - Parameter source: the connection string of the cluster to follow; `nil`: a new cluster.
  private static func launch(
    _ settings: [String: String],
    listensOnLoopback: Bool,
    replicating source: String?,
    _ progress: (@Sendable (String) -> Void)?
  ) async throws -> EmbeddedPostgres {
    var settings = settings
    if listensOnLoopback {
      settings["listen_addresses"] = "127.0.0.1"
      settings["port"] = try "\(LoopbackPort.free())"
    }
    let port = settings["port"].flatMap { Int($0) } ?? 5432
    let configuration = try configuration(settings)
    return try await onOwnThread { () throws(EmbeddedPostgresError) in
      let programs = try PostgresInstallation.binaryDirectory()
      let supervisor = try Supervisor.launch(programs: programs, configuration: configuration, replicating: source)
      do throws(EmbeddedPostgresError) {
        let directory = try awaitReady(supervisor, progress)
        return EmbeddedPostgres(supervisor: supervisor, directory: directory, port: port)
      } catch {
        supervisor.closeInput()
        supervisor.blockUntilExit()
        throw error
      }
    }
  }

  /// Runs `body` with a cluster that is stopped afterwards, however `body` ends.
  package static func with<Value>(
    settings: [String: String] = [:],
    _ body: (EmbeddedPostgres) async throws -> Value
  ) async throws -> Value {
    let postgres = try await start(settings: settings)
    let result: Value
    do {
      result = try await body(postgres)
    } catch {
      await postgres.stop()
      throw error
    }
    await postgres.stop()
    return result
  }

  /// The directory of `initdb`, `pg_ctl` and `postgres`: the one named by the environment's `TASKQUEUE_POSTGRES_BIN`,
  /// else what `pg_config --bindir` says, else the newest version in the usual places, else the search path.
  ///
  /// - Throws: ``EmbeddedPostgresError`` with ``EmbeddedPostgresError/Code/serverNotInstalled``.
  public static func binaryDirectory() throws -> String {
    try PostgresInstallation.binaryDirectory()
  }

  /// A URI for libpq: database `postgres`, superuser `postgres`.
  public var connectionString: String { connectionString(database: "postgres") }

  /// A URI for libpq: the given database, superuser `postgres`.
  public func connectionString(database: String) -> String {
    "postgresql://postgres@\(Self.escape(socketDirectory)):\(port)/\(Self.escape(database))"
  }

  /// The server's main process; `nil` while it isn't running.
  public var postmasterID: Int32? {
    guard
      let data = FileManager.default.contents(atPath: dataDirectory + "/postmaster.pid"),
      let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first
    else { return nil }
    return Int32(line)
  }

  /// Stops the server and starts it again, on the same data. Also starts a server that was killed.
  ///
  /// - Parameter immediate: as in a crash: the server loses what wasn't flushed, and recovers when it starts.
  ///   Else connections are closed and a checkpoint is written first.
  /// - Throws: ``EmbeddedPostgresError``. Not cut short by cancellation; at most about two minutes.
  public func restart(immediate: Bool) async throws {
    let isDead = wasKilled.withLock { wasKilled in
      defer { wasKilled = false }
      return wasKilled
    }
    try await order(isDead ? "start" : immediate ? "restart-immediate" : "restart-fast")
  }

  /// Makes a standby a primary. Returns when it takes writes. A former primary that still runs is not told: stop it, or keep it paused.
  ///
  /// - Throws: ``EmbeddedPostgresError``, also for a cluster that is no standby.
  public func promote() async throws {
    try await order("promote")
  }

  /// Adds lines to `postgresql.conf` and has the server read it. It does so a moment later, and settings that need a restart wait for that.
  ///
  /// - Throws: ``EmbeddedPostgresError``.
  public func configure(_ settings: [String: String]) async throws {
    for line in try Self.lines(settings) { try await order("configure \(line)") }
    try await order("reload")
  }

  /// Has the shell do something that it answers.
  private func order(_ command: String) async throws {
    try await onOwnThread { [self] () throws(EmbeddedPostgresError) in
      resume()
      try supervisor.withLock { (supervisor) throws(EmbeddedPostgresError) in
        guard let supervisor else {
          throw EmbeddedPostgresError(code: .stopped, message: "The cluster was stopped before.")
        }
        // If the shell is gone, reading its reply will tell.
        try? supervisor.write("\(command)\n")
        _ = try Self.awaitReady(supervisor, nil)
      }
    }
  }

  /// Stops all of the server's processes with `SIGSTOP`: connections stay open, and nothing answers.
  public func pause() {
    guard let postmasterID else { return }
    ProcessTree.signal(SIGSTOP, root: postmasterID)
  }

  /// Lets a paused server go on. Does nothing when it isn't paused.
  public func resume() {
    guard let postmasterID else { return }
    ProcessTree.signal(SIGCONT, root: postmasterID)
  }

  /// Kills all of the server's processes with `SIGKILL`, as a crash of its machine would. ``restart(immediate:)`` starts it again.
  public func kill() {
    guard let postmasterID else { return }
    ProcessTree.kill(root: postmasterID)
    wasKilled.withLock { $0 = true }
  }

  /// Stops the server at once and removes its directory. A second call does nothing.
  public func stop() async {
    await onOwnThread { [self] in
      resume()
      let supervisor = supervisor.withLock { $0.take() }
      supervisor?.closeInput()
      supervisor?.blockUntilExit()
    }
  }

  /// Reads the shell's replies until the server runs, and returns the directory if it was told.
  private static func awaitReady(
    _ supervisor: ChildProcess,
    _ progress: (@Sendable (String) -> Void)?
  ) throws(EmbeddedPostgresError) -> String {
    var directory = ""
    var log: [Substring] = []
    while let line = supervisor.readLine() {
      let words = line.split(separator: " ", maxSplits: 1)
      switch words.first {
      case "directory" where words.count == 2: directory = String(words[1])
      case "progress" where words.count == 2: progress?(String(words[1]))
      case "ready" where words.count == 1: return directory
      case "failed" where words.count == 1: throw startFailed(log)
      default: log.append(line[...])
      }
    }
    throw startFailed(log)
  }

  private static func startFailed(_ log: [Substring]) -> EmbeddedPostgresError {
    EmbeddedPostgresError(
      code: .startFailed,
      message: "PostgreSQL did not start, or could not do what it was told. Its last words:\n"
        + log.suffix(30).joined(separator: "\n")
    )
  }

  /// The text to append to `postgresql.conf`; the last line for a name counts.
  private static func configuration(_ settings: [String: String]) throws(EmbeddedPostgresError) -> String {
    let defaults = ["port = 5432", "listen_addresses = ''", "max_connections = 200"]
    return try (defaults + lines(settings)).joined(separator: "\n")
  }

  private static func lines(_ settings: [String: String]) throws(EmbeddedPostgresError) -> [String] {
    var lines: [String] = []
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
      let isName = !name.isEmpty && name.utf8.allSatisfy { isNameByte($0) }
      guard isName, !value.contains(where: { $0.isNewline || $0 == "\0" }) else {
        throw EmbeddedPostgresError(code: .invalidSetting, message: "Not a setting for postgresql.conf: \(name)")
      }
      let quoted = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "''")
      lines.append("\(name) = '\(quoted)'")
    }
    return lines
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."): true
    default: false
    }
  }

  private static func escape(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
  }
}
