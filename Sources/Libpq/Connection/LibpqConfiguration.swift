/// How to reach PostgreSQL.
///
/// Everything that libpq knows goes into the connection string: several hosts, TLS modes, service files, keepalives, `options`. Unlike libpq
/// itself, a connect tries every host: also after one that is silent, has an unknown name, or refuses the session.
///
/// Where neither the string nor a service file says otherwise, TCP keepalives find a peer that vanished within a minute (`keepalives_idle=30
/// keepalives_interval=10 keepalives_count=3`), and what was sent must be acknowledged within 30 s (`tcp_user_timeout=30000`). A peer whose
/// process is frozen still acknowledges: only deadlines find that.
public struct LibpqConfiguration: Sendable {
  /// A `postgresql://` URI or a keyword string (`host=… dbname=…`); empty: libpq's `PG*` environment and defaults.
  public var connectionString: String
  /// The deadline of a whole connect, over all hosts and including the look-up of their names. Each host gets an equal share of what is
  /// left, and `connect_timeout` (of the string or `PGCONNECT_TIMEOUT`) limits each address where it is shorter. Default 10 s.
  public var connectTimeout: Duration
  /// The longest a statement, pipeline or COPY step may take; nil (the default): no limit. Enforced by the client: it asks
  /// the server to cancel, and closes the connection if no answer comes within ``cancelTimeout``.
  public var statementTimeout: Duration?
  /// How long to wait for the server's answer after a cancel request, before the connection is given up. Default 5 s.
  public var cancelTimeout: Duration
  /// How often a silent connection is asked whether it still lives while it listens. Default 30 s.
  public var listenProbeInterval: Duration
  /// Shown in `pg_stat_activity`; nil: as the connection string or the environment says.
  public var applicationName: String?
  /// Whether named statements are prepared. Turn it off behind poolers that keep no prepared statements (PgBouncer in
  /// transaction mode); the names are then ignored.
  public var preparesStatements: Bool
  /// What looks up host names; tests have their own.
  var nameService = NameService.system

  /// Creates a configuration with the defaults.
  public init(_ connectionString: String = "") {
    self.connectionString = connectionString
    connectTimeout = .seconds(10)
    statementTimeout = nil
    cancelTimeout = .seconds(5)
    listenProbeInterval = .seconds(30)
    applicationName = nil
    preparesStatements = true
  }

  /// A listener that asks more often keeps the server busy.
  private static let shortestProbeInterval: Duration = .milliseconds(10)

  /// - Throws: ``LibpqError/Code/invalidArgument`` for a time with which nothing could be done.
  public func validate() throws(LibpqError) {
    guard connectTimeout > .zero else { throw LibpqError(.invalidArgument, "connectTimeout must be above zero") }
    if let statementTimeout, statementTimeout <= .zero {
      throw LibpqError(.invalidArgument, "statementTimeout must be above zero, or none")
    }
    guard cancelTimeout >= .zero else { throw LibpqError(.invalidArgument, "cancelTimeout must not be negative") }
    guard listenProbeInterval >= Self.shortestProbeInterval else {
      throw LibpqError(.invalidArgument, "listenProbeInterval must be at least 10 ms")
    }
  }
}
