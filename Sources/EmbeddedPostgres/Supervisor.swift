import ChildProcesses
import Foundation

/// Starts the shell that owns one cluster.
///
/// Its standard input is what keeps the cluster alive: the shell removes the cluster when that ends, which it does however
/// this process ends. As a child it has a session of its own, so Ctrl-C in a terminal reaches us, but neither it nor the
/// server.
enum Supervisor {
  /// - Parameters:
  ///   - programs: the directory of PostgreSQL's programs.
  ///   - configuration: the lines to append to `postgresql.conf`.
  ///   - source: the connection string of the cluster to follow as a standby; `nil`: a new cluster.
  static func launch(
    programs: String,
    configuration: String,
    replicating source: String?
  ) throws(EmbeddedPostgresError) -> ChildProcess {
    let words = try PostgresInstallation.shell(script, [programs, configuration, source ?? ""])
    var command = ChildCommand(words[0], Array(words.dropFirst()))
    command.environment = environment
    command.errors = .output
    do {
      return try ChildProcess(command)
    } catch {
      throw EmbeddedPostgresError(code: .startFailed, message: error.description)
    }
  }

  /// No `PG…` variable of ours may reach the server's programs.
  private static var environment: [String: String] {
    let ours = ProcessInfo.processInfo.environment
    var kept = ours.filter { ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ"].contains($0.key) }
    kept["LC_ALL"] = "C"
    kept["PATH"] = ours["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    return kept
  }

  /// What the supervising shell runs, as the user that owns the server. `$1` is the directory of PostgreSQL's programs,
  /// `$2` the lines to append to `postgresql.conf`, `$3` where to copy the cluster from, empty for a new one.
  ///
  /// It works through one step after the other and reads its next command only then. So whenever the channel reports
  /// end of file (`stop()`, or the end of the process that started it, by whatever signal), nothing else is under way
  /// and the cluster can be removed. `pg_ctl` puts the server into a session of its own.
  ///
  /// - `SIGPIPE` is ignored because the reader of a reply may be gone by then.
  /// - The working directory is left because the server's user may not be allowed to be there.
  /// - A server that was killed leaves its lock files. The number in them can still be that of a process that nobody has
  ///   waited for.
  /// - A paused server has to be continued to notice that it shall stop. Where the list of its children can't be read,
  ///   the postmaster kills the ones that don't react, after five seconds.
  private static let script = #"""
    trap '' HUP INT TERM PIPE
    umask 077
    cd / || exit 1
    programs=$1
    directory=$(mktemp -d /tmp/tq.XXXXXXXX) || exit 1
    data=$directory/data
    log=$directory/log

    logged() { "$@" </dev/null >>"$log" 2>&1; }
    control() { logged "$programs/pg_ctl" --silent --wait --timeout=60 --pgdata="$data" "$@"; }
    report() { if [ "$1" -eq 0 ]; then echo ready; else tail -n 30 "$log"; echo failed; fi; }

    create() {
      echo "progress Creating a private PostgreSQL cluster"
      if [ -n "$3" ]; then
        logged "$programs/pg_basebackup" --no-sync --checkpoint=fast --wal-method=stream --dbname="$3" \
          --pgdata="$data" || return 1
        : >"$data/standby.signal" || return 1
      else
        logged "$programs/initdb" --no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C \
          --pgdata="$data" || return 1
      fi
      printf '%s\n' "unix_socket_directories = '$directory'" "$2" >>"$data/postgresql.conf" || return 1
      echo "progress Starting PostgreSQL"
      control --log="$log" start
    }

    echo "directory $directory"
    create "$@"
    report $?

    while read -r command argument; do
      case $command in
      configure) printf '%s\n' "$argument" >>"$data/postgresql.conf"; report $? ;;
      reload) control reload; report $? ;;
      promote) control promote; report $? ;;
      start) rm -f "$data/postmaster.pid" "$directory"/.s.PGSQL.*; control --log="$log" start; report $? ;;
      restart-immediate) control --log="$log" --mode=immediate restart; report $? ;;
      restart-fast) control --log="$log" --mode=fast restart; report $? ;;
      esac
    done

    if read -r postmaster <"$data/postmaster.pid"; then
      kill -CONT "$postmaster" $(cat "/proc/$postmaster/task/$postmaster/children")
      control --mode=immediate stop || { control status && kill -KILL "$postmaster"; }
    fi 2>/dev/null
    rm -rf "$directory"
    """#
}
