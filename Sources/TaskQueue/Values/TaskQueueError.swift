/// What the library throws.
public struct TaskQueueError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure. Codes may be added in minor versions.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    /// A task type, queue name or unique key is empty, too long, or has control characters.
    public static let invalidName = Code("invalidName")
    /// A number or duration is out of its range.
    public static let invalidOption = Code("invalidOption")
    /// The encoded payload or headers are over the limit.
    public static let payloadTooLarge = Code("payloadTooLarge")
    /// The payload could not be encoded as JSON.
    public static let encodingFailed = Code("encodingFailed")
    /// No task has, or ever had, this id.
    public static let unknownTask = Code("unknownTask")
    /// There is no schedule of this name.
    public static let unknownSchedule = Code("unknownSchedule")
    /// The claim no longer holds the task: its lease ended and was taken over, or the task is gone. Nothing was changed.
    public static let leaseLost = Code("leaseLost")
    /// No limit has this name: it was never declared (``LimitRule``). Nothing was stored or changed.
    public static let unknownLimit = Code("unknownLimit")
    /// A middleware refused the tasks; nothing was stored.
    public static let refused = Code("refused")
    /// Two handlers for one type, a worker without any, or a database that it cannot work with.
    public static let invalidConfiguration = Code("invalidConfiguration")
    /// The store could not do it. ``TaskQueueError/isRetrySafe`` says whether it may be tried again.
    public static let storeFailed = Code("storeFailed")
    /// The connection broke during COMMIT and it could not be learned whether the transaction was committed.
    public static let outcomeUnknown = Code("outcomeUnknown")
  }

  public var code: Code
  /// What went wrong and what to do about it. Never holds a payload, a parameter or a password.
  public var message: String
  /// The error of the layer below, if any.
  public var underlying: (any Error)?
  /// Whether the same call may be repeated without the risk of doing its work twice.
  public var isRetrySafe: Bool
  /// Whether the store refused the data itself (SQLSTATE classes 22 and 23), so that it would be refused again.
  @_spi(Store) public var isDataRefused = false

  public init(_ code: Code, _ message: String, underlying: (any Error)? = nil, isRetrySafe: Bool = false) {
    self.code = code
    self.message = message
    self.underlying = underlying
    self.isRetrySafe = isRetrySafe
  }

  public var description: String {
    underlying.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
  }

  static func invalidName(_ message: String) -> TaskQueueError { .init(.invalidName, message) }
  static func invalidOption(_ message: String) -> TaskQueueError { .init(.invalidOption, message) }
}
