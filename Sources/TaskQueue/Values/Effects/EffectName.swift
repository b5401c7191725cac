/// What an external call is about, such as `charge`; one task makes each of its effects once.
///
/// To make the same kind of call twice in one task, give the second a name of its own (`charge.2`). Same rules as ``TaskType``.
public struct EffectName: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(_ rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { self.rawValue = value }

  public var description: String { rawValue }

  /// - Throws: ``TaskQueueError/Code/invalidName``.
  public func validate() throws(TaskQueueError) { try NameRule.validate(rawValue, kind: "effect name") }
}
