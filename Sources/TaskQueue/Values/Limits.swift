/// Bounds that hold for every store.
public enum Limits {
  public static let maxAttempts = 1_000_000
  /// Encoded JSON bytes of one payload. Store a reference to bigger things.
  public static let payloadBytes = 4 * 1024 * 1024
  /// Bytes of one task's headers as JSON.
  public static let headerBytes = 16 * 1024
  /// Errors kept per task; older ones are dropped first.
  public static let errorHistory = 10
  /// Bytes kept of one error's message.
  public static let errorMessageBytes = 4 * 1024
  /// A handler's wait for a limit, and a pause of a limit's key.
  public static let limitWait: Duration = .seconds(86_400)
  public static let delay: Duration = .seconds(3_155_760_000)
  /// Tasks brought by one claim, and payload bytes after which it stops.
  public static let claimTasks = 1_000
  public static let claimBytes = 4 * 1024 * 1024
  /// Rows returned or changed by one administrative call.
  public static let page = 1_000

  /// - Throws: `invalidOption` if it is below zero: everything would be that old.
  static func validateAge(_ age: Duration, _ name: String) throws(TaskQueueError) {
    guard age >= .zero else { throw .invalidOption("\(name) is \(age); it must not be below zero.") }
  }
}
