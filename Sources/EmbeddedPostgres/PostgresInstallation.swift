import ChildProcesses
import Foundation

/// Where PostgreSQL's server programs are, and as whom to run them.
enum PostgresInstallation {
  static let environmentVariable = "TASKQUEUE_POSTGRES_BIN"

  private static let programs = ["initdb", "pg_ctl", "postgres"]

  static func binaryDirectory() throws(EmbeddedPostgresError) -> String {
    let environment = ProcessInfo.processInfo.environment
    if let directory = environment[environmentVariable], !directory.isEmpty {
      guard holdsServer(directory) else {
        throw EmbeddedPostgresError(
          code: .serverNotInstalled,
          message: "\(environmentVariable) is \(directory), which does not hold \(programs.joined(separator: ", "))."
        )
      }
      return directory
    }
    let searchPath = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    if let directory = directoryOfConfig(searchPath), holdsServer(directory) { return directory }
    if let directory = (installedDirectories() + searchPath).first(where: holdsServer) { return directory }
    throw EmbeddedPostgresError(
      code: .serverNotInstalled,
      message: """
        PostgreSQL's server programs were not found. Install them (Debian, Ubuntu: apt-get install postgresql; \
        Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), or name their directory in \
        \(environmentVariable).
        """
    )
  }

  /// The command line that runs a shell script as a user the server accepts: PostgreSQL refuses to run as root.
  static func shell(_ script: String, _ arguments: [String]) throws(EmbeddedPostgresError) -> [String] {
    let command = ["/bin/sh", "-c", script, "embedded-postgres"] + arguments
    guard geteuid() == 0 else { return command }
    let users: [String] = ["postgres", "nobody"]
    guard let user = users.first(where: { (name: String) in getpwnam(name) != nil }) else {
      throw EmbeddedPostgresError(
        code: .noUserToRunAs,
        message: "PostgreSQL does not run as root, and there is no user postgres: add it, or don't run as root."
      )
    }
    let drops = [
      ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(getpwnam(user).pointee.pw_gid)", "--init-groups", "--"],
      ["/usr/sbin/runuser", "-u", user, "--"],
      ["/sbin/runuser", "-u", user, "--"],
      ["/usr/bin/sudo", "-n", "-u", user, "--"],
    ]
    guard let drop = drops.first(where: { FileManager.default.isExecutableFile(atPath: $0[0]) }) else {
      throw EmbeddedPostgresError(
        code: .noUserToRunAs,
        message: "PostgreSQL does not run as root: setpriv, runuser or sudo is needed to run it as \(user)."
      )
    }
    return drop + command
  }

  private static func holdsServer(_ directory: String) -> Bool {
    programs.allSatisfy { FileManager.default.isExecutableFile(atPath: "\(directory)/\($0)") }
  }

  /// The answer of the first `pg_config` on the search path.
  private static func directoryOfConfig(_ searchPath: [String]) -> String? {
    let candidates = searchPath.map { "\($0)/pg_config" }
    guard let path = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else { return nil }
    var command = ChildCommand(path, ["--bindir"])
    command.errors = .discarded
    guard let result = try? ChildProcess.runBlocking(command), result.exit == .exited(0) else { return nil }
    return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The directories where packages put the server, the newest version first.
  private static func installedDirectories() -> [String] {
    let places = [
      (parent: "/usr/lib/postgresql", prefix: "", suffix: "/bin"),
      (parent: "/usr", prefix: "pgsql-", suffix: "/bin"),
      (parent: "/opt/homebrew/opt", prefix: "postgresql", suffix: "/bin"),
      (parent: "/usr/local/opt", prefix: "postgresql", suffix: "/bin"),
      (parent: "/usr/libexec", prefix: "postgresql", suffix: ""),
    ]
    return places.flatMap { place in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: place.parent)) ?? []
      return names.filter { $0.hasPrefix(place.prefix) }
        .sorted { $0.compare($1, options: .numeric) == .orderedDescending }
        .map { "\(place.parent)/\($0)\(place.suffix)" }
    }
  }
}
