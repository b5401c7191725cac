#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// One line of a flow's journal: what was done, or is waited for.
public struct FlowStep: Hashable, Sendable {
  /// What the line says. Kinds may be added in minor versions.
  public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// It ran, and returned ``FlowStep/value``.
    public static let step = Kind(rawValue: "step")
    /// A sleep, or an event that has not come. Decided once.
    public static let wait = Kind(rawValue: "wait")
    /// The event of a wait came, with ``FlowStep/value``.
    public static let event = Kind(rawValue: "event")
    /// The time of a wait for an event ended before it came.
    public static let timeout = Kind(rawValue: "timeout")
    /// A compensation was registered.
    public static let undo = Kind(rawValue: "undo")
    /// The flow has failed for good, and is being undone.
    public static let unwind = Kind(rawValue: "unwind")
  }

  /// As the handler named it. Those of the library begin with `~`: `~event/paid/7`, `~version/fraud-check`, `~on/release`, `~undo/release`.
  public var name: String
  public var kind: Kind
  /// Ascends in the order in which the flow reached its steps.
  public var place: Int
  /// JSON; nil: it has none.
  public var value: Data?
  /// SHA-256 of the input; nil: none was given.
  @_spi(Store) public var digest: Data?
  /// When a wait ends at the latest; nil: it has no end, or is none.
  public var until: Date?

  @_spi(Store) public init(
    _ name: String,
    _ kind: Kind,
    place: Int,
    value: Data? = nil,
    digest: Data? = nil,
    until: Date? = nil
  ) {
    self.name = name
    self.kind = kind
    self.place = place
    self.value = value
    self.digest = digest
    self.until = until
  }
}

extension Limits {
  /// Encoded JSON bytes of what one step returns, or of an event's payload. Store a reference to bigger things.
  public static let stepValueBytes = 256 * 1024
  /// UTF-8 bytes of an event's key.
  public static let eventKeyBytes = 256
}
