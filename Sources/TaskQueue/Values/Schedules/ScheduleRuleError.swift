/// A rule of a schedule that cannot be read, or that no day ever meets. Says which field, where in it, and what is allowed.
public struct ScheduleRuleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A part of a rule. Fields may be added in minor versions.
  public struct Field: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    public static let second = Field(rawValue: "second")
    public static let minute = Field(rawValue: "minute")
    public static let hour = Field(rawValue: "hour")
    public static let dayOfMonth = Field(rawValue: "day of month")
    public static let month = Field(rawValue: "month")
    public static let dayOfWeek = Field(rawValue: "day of week")
    /// The interval of a rule that begins with `every`.
    public static let interval = Field(rawValue: "interval")
    public static let timeZone = Field(rawValue: "time zone")
  }

  /// The rule as it was given.
  public var rule: String
  /// nil: the rule as a whole.
  public var field: Field?
  /// The character of the rule at which the trouble begins, from 1.
  public var position: Int
  /// What is wrong.
  public var problem: String
  /// What may stand there instead.
  public var allowed: String

  public var description: String {
    let place = field.map { "\($0), character \(position)" } ?? "character \(position)"
    return "The rule \"\(rule)\" (\(place)): \(problem). Allowed: \(allowed)."
  }
}
