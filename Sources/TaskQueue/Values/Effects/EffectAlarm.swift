/// How many effects of one task type need somebody.
public struct EffectAlarm: Hashable, Sendable {
  /// Why.
  public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// Without a known outcome for longer than the monitor's `unknownAfter`.
    public static let unknown = Kind(rawValue: "unknown")
    /// Waiting for a person.
    public static let parked = Kind(rawValue: "parked")
    /// The reports of it cannot all be true.
    public static let contradicted = Kind(rawValue: "contradicted")
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
