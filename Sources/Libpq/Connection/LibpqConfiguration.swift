/// How to reach PostgreSQL.
///
/// Everything that libpq knows goes into the connection string: several hosts, TLS modes, service files, keepalives, `options`.
public struct LibpqConfiguration: Sendable {
  /// A `postgresql://` URI or a keyword string (`host=… dbname=…`); empty: libpq's `PG*` environment and defaults.
  public var connectionString: String
  /// The deadline of a whole connect, over all hosts. Name resolution happens inside libpq and may overrun it. Default 10 s.
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
}
