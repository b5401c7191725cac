/// What went wrong between this client and PostgreSQL.
///
/// `description` never contains parameters, row data or passwords. `detail` may (the server quotes key values there), so log
/// `description`, and show `detail` only where row data may be shown.
public struct LibpqError: Error, Sendable {
  /// What kind of failure this is.
  public var code: Code
  /// The server's or the client's primary message. In SQLSTATE class 22 it can quote a parameter; `description` leaves it out there.
  public var message: String
  /// The five-character SQLSTATE, when the server reported the error.
  public var sqlState: String?
  /// The server's detail line. May quote row data.
  public var detail: String?
  /// The server's hint.
  public var hint: String?
  /// The violated constraint, when the server names one.
  public var constraint: String?
  /// The table concerned, when the server names one.
  public var table: String?
  /// The schema concerned, when the server names one.
  public var schema: String?
  /// The column concerned: named by the server, or the column that failed to decode.
  public var column: String?
  /// Whether the work may or may not have been committed. Never retry such work blindly: look first.
  public var isOutcomeUnknown: Bool

  /// Creates an error.
  ///
  /// - Parameter isOutcomeUnknown: nil takes the code's own answer: true only for ``Code/commitOutcomeUnknown``.
  public init(
    _ code: Code,
    _ message: String,
    sqlState: String? = nil,
    isOutcomeUnknown: Bool? = nil
  ) {
    self.code = code
    self.message = message
    self.sqlState = sqlState
    self.isOutcomeUnknown = isOutcomeUnknown ?? (code == .commitOutcomeUnknown)
  }

  /// Whether the same transaction (or the same single statement or pipeline) may be run again: nothing of it was kept, and another
  /// run can succeed.
  public var isRetrySafe: Bool {
    guard !isOutcomeUnknown else { return false }
    switch code {
    case .connectFailed: return sqlState.map { Self.retrySafeStates.contains($0) || $0.hasPrefix("08") } ?? true
    case .connectionLost, .transactionAborted, .timeout, .acquireTimeout, .poolExhausted: return true
    case .server: return sqlState.map { Self.retrySafeStates.contains($0) } ?? false
    default: return false
    }
  }

  /// serialization_failure, deadlock_detected, lock_not_available, admin_shutdown, crash_shutdown, cannot_connect_now,
  /// too_many_connections; read_only_sql_transaction, since a pool tries the hosts again after it.
  private static let retrySafeStates: Set<String> = [
    "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "25006",
  ]
}

extension LibpqError: CustomStringConvertible {
  /// Code, SQLSTATE and message on one line, without row data.
  public var description: String {
    var text = "LibpqError(\(code)"
    if let sqlState { text += ", SQLSTATE \(sqlState)" }
    if let constraint { text += ", constraint \(constraint)" }
    if let column { text += ", column \(column)" }
    if isOutcomeUnknown && code != .commitOutcomeUnknown { text += ", outcome unknown" }
    // Data exceptions quote the offending value.
    if sqlState?.hasPrefix("22") != true { text += ": \(messageLine)" }
    return text + ")"
  }

  /// libpq's own messages have several lines.
  private var messageLine: String {
    message.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: " ")
  }
}
