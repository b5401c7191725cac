/// Why a step of a flow gave no value, when its body is not to blame.
public struct FlowError: Error, Sendable, CustomStringConvertible {
  /// The kind of trouble. Codes may be added in minor versions.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    /// The event did not come in time. Recorded: it stays so, also if the event comes later.
    public static let timedOut = Code("timedOut")
    /// The name was used before in this attempt.
    public static let duplicateStep = Code("duplicateStep")
    /// The step was recorded with another input, or as something else: the code or the payload has changed.
    public static let inputChanged = Code("inputChanged")
    /// What the step returned is above ``Limits/stepValueBytes``. Nothing was recorded.
    public static let valueTooLarge = Code("valueTooLarge")
    /// The value or the input could not be encoded as JSON. Nothing was recorded.
    public static let encodingFailed = Code("encodingFailed")
    /// The recorded value does not fit the type asked for.
    public static let unreadableValue = Code("unreadableValue")
    /// The attempt of this context is over.
    public static let attemptEnded = Code("attemptEnded")
    /// It was called in the body of another step.
    public static let nestedStep = Code("nestedStep")
    /// The body of a step took longer than its timeout, and was cancelled.
    public static let stepTimedOut = Code("stepTimedOut")
    /// A registered compensation was not reached when the flow was to be undone: the handler has changed.
    public static let compensationMissing = Code("compensationMissing")
  }

  public var code: Code
  /// The step's name, as in ``FlowStep/name``.
  public var step: String
  /// What is wrong and what to do about it. Never holds an input or a value.
  public var message: String
  public var underlying: (any Error)?

  init(_ code: Code, _ step: String, _ message: String, underlying: (any Error)? = nil) {
    self.code = code
    self.step = step
    self.message = message
    self.underlying = underlying
  }

  public var description: String {
    let cause = underlying.map { " (\($0))" } ?? ""
    return "Step \(step): \(code): \(message)\(cause)"
  }
}

/// Leaves the handler of a flow that waits, or is to be undone. Let it through: to catch it changes nothing, the attempt ends as suspended
/// all the same, and each further call of the flow throws it again.
public struct FlowSuspension: Error, Sendable, CustomStringConvertible {
  @_spi(Store) public init() {}
  public var description: String { "The flow waits; this attempt is over." }
}
