/// A count that ends somewhere: "37", or "1,000+". Nobody waits for millions of rows to be counted.
public struct BoundedCount: Hashable, Sendable, CustomStringConvertible {
  public static let zero = BoundedCount(0)

  public var value: Int
  /// There may be more: counting ended, or could not see all.
  public var isMore: Bool

  public init(_ value: Int, isMore: Bool = false) {
    self.value = value
    self.isMore = isMore
  }

  /// Without separators: `1000+`.
  public var description: String { isMore ? "\(value)+" : "\(value)" }
}
