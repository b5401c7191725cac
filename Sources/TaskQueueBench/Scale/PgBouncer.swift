import ChildProcesses
import Foundation

/// A PgBouncer in transaction mode before the database, on a private socket.
///
/// A shell watches over it: it and its directory go away with ``stop()`` or with this process, however that ends.
final class PgBouncer: Sendable {
  /// For libpq, through the pooler.
  let connectionString: String

  private let process: ChildProcess

  /// The end of its standard input stops the shell; `$1` is the program, `$2` the directory. The line for
  /// the database, which may hold a password, comes through the environment.
  private static let script = #"""
    trap '' HUP INT TERM PIPE
    umask 077
    cat >"$2/pgbouncer.ini" <<END
    [databases]
    $TASKQUEUE_BENCH_DATABASE
    [pgbouncer]
    pool_mode = transaction
    listen_addr =
    listen_port = 6432
    unix_socket_dir = $2
    auth_type = any
    pidfile = $2/pgbouncer.pid
    logfile = $2/pgbouncer.log
    max_client_conn = 1000
    default_pool_size = 20
    ignore_startup_parameters = extra_float_digits
    END
    "$1" -q "$2/pgbouncer.ini" </dev/null &
    bouncer=$!
    read -r line
    kill -KILL "$bouncer"
    rm -rf "$2"
    """#

  private init(_ process: ChildProcess, _ connectionString: String) {
    self.process = process
    self.connectionString = connectionString
  }

  /// Starts it and waits until it takes connections.
  ///
  /// - Parameter path: the program; nil: looked for in the search path.
  static func start(path: String?, before connectionString: String) async throws -> PgBouncer {
    let program = try path ?? find()
    let database = try ServerAddress(connectionString).databaseLine("bench")
    let directory = try makeDirectory()
    var words = ["/bin/sh", "-c", script, "pgbouncer", program, directory]
    // It refuses to run as root, as the server does.
    if let user = unprivilegedUser { words = ["/usr/sbin/runuser", "-u", user.name, "--"] + words }
    var command = ChildCommand(
      words[0],
      Array(words.dropFirst()),
      addedEnvironment: ["TASKQUEUE_BENCH_DATABASE": database]
    )
    command.output = .shared
    let process = try ChildProcess(command)
    let host = directory.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? directory
    let bouncer = PgBouncer(process, "postgresql://bench@\(host):6432/bench")
    try await bouncer.awaitStart(directory)
    return bouncer
  }

  func stop() async {
    process.closeInput()
    await process.waitForExit()
  }

  private func awaitStart(_ directory: String) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while process.isRunning, ContinuousClock.now < deadline {
      if FileManager.default.fileExists(atPath: directory + "/.s.PGSQL.6432") { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    await stop()
    throw BenchmarkError("PgBouncer did not start; its messages, if any, are above.")
  }

  private static func find() throws -> String {
    let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") + ["/usr/sbin"]
    let paths = directories.map { "\($0)/pgbouncer" }
    guard let path = paths.first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw BenchmarkError(
        "pgbouncer isn't in the search path: install it (Debian: apt-get install pgbouncer) or name it with --pgbouncer-path."
      )
    }
    return path
  }

  /// Below /tmp, because a socket's path has to be short.
  private static func makeDirectory() throws -> String {
    var template = Array("/tmp/tqb.XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw BenchmarkError("No directory can be made below /tmp.") }
    let directory = String(cString: made)
    if let user = unprivilegedUser, chown(directory, user.id, user.group) != 0 {
      throw BenchmarkError("\(directory) can't be given to \(user.name).")
    }
    return directory
  }

  /// The user that a private cluster runs as when this process runs as root; nil: not root.
  private static var unprivilegedUser: (name: String, id: uid_t, group: gid_t)? {
    guard geteuid() == 0 else { return nil }
    for name in ["postgres", "nobody"] {
      if let user = getpwnam(name) { return (name, user.pointee.pw_uid, user.pointee.pw_gid) }
    }
    return nil
  }
}
