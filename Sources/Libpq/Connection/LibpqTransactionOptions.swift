/// How a transaction begins.
public struct LibpqTransactionOptions: Sendable, Hashable {
  /// What a transaction sees of others.
  public enum IsolationLevel: String, Sendable, Hashable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
  }

  /// Nil: the server's default, normally read committed.
  public var isolationLevel: IsolationLevel?
  /// Whether writing is refused.
  public var isReadOnly: Bool
  /// With serializable and read only: waits for a snapshot that can't fail.
  public var isDeferrable: Bool
  /// The longest wait for a lock (`lock_timeout`, SQLSTATE 55P03), from a millisecond on; nil: the session's. Travels with BEGIN.
  public var lockTimeout: Duration?

  /// Creates options; the defaults are the server's.
  public init(
    isolationLevel: IsolationLevel? = nil,
    isReadOnly: Bool = false,
    isDeferrable: Bool = false,
    lockTimeout: Duration? = nil
  ) {
    self.isolationLevel = isolationLevel
    self.isReadOnly = isReadOnly
    self.isDeferrable = isDeferrable
    self.lockTimeout = lockTimeout
  }

  var beginStatements: [String] {
    var sql = "BEGIN"
    if let isolationLevel { sql += " ISOLATION LEVEL \(isolationLevel.rawValue)" }
    if isReadOnly { sql += " READ ONLY" }
    if isDeferrable { sql += " DEFERRABLE" }
    guard let lockTimeout else { return [sql] }
    return [sql, "SET LOCAL lock_timeout = \(Int64(max(1, min(lockTimeout / .milliseconds(1), 2_147_483_647))))"]
  }
}
