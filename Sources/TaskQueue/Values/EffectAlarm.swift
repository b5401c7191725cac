/// How many effects of one task type need somebody.
public struct EffectAlarm: Hashable, Sendable {
  /// Why.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Without a known outcome for longer than the monitor's `unknownAfter`.
    case unknown
    /// Waiting for a person.
    case parked
    /// The reports of it cannot all be true.
    case contradicted
  }

  public var type: TaskType
  public var kind: Kind
  /// Up to ``Limits/page`` of all types together.
  public var count: Int
  /// Since the oldest one's last intent (contradicted: since its last change).
  public var oldest: Duration

  public init(type: TaskType, kind: Kind, count: Int, oldest: Duration) {
    self.type = type
    self.kind = kind
    self.count = count
    self.oldest = oldest
  }
}
