#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a suspended flow waits for.
@_spi(Store) public struct FlowWait: Hashable, Sendable {
  /// When it ends at the latest. One that was recorded before keeps its end.
  public enum End: Hashable, Sendable {
    /// By the store's clock, from the suspension on.
    case after(Duration)
    case at(Date)
    case never
  }

  /// The step's name.
  public var name: String
  public var place: Int
  public var end: End
  /// The event's key; nil: it only sleeps.
  public var event: String?

  public init(_ name: String, place: Int, end: End, event: String? = nil) {
    self.name = name
    self.place = place
    self.end = end
    self.event = event
  }
}
