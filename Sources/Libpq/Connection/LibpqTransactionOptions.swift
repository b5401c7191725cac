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

  /// Creates options; the defaults are the server's.
  public init(isolationLevel: IsolationLevel? = nil, isReadOnly: Bool = false, isDeferrable: Bool = false) {
    self.isolationLevel = isolationLevel
    self.isReadOnly = isReadOnly
    self.isDeferrable = isDeferrable
  }

  var beginStatement: String {
    var sql = "BEGIN"
    if let isolationLevel { sql += " ISOLATION LEVEL \(isolationLevel.rawValue)" }
    if isReadOnly { sql += " READ ONLY" }
    if isDeferrable { sql += " DEFERRABLE" }
    return sql
  }
}
