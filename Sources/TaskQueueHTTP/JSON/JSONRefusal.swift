/// Why bytes aren't read as JSON.
///
/// ``ProblemError/init(answering:)`` makes a `malformed-request` of it that names both.
public struct JSONRefusal: Error, Hashable, Sendable {
  /// For people. Holds nothing of the bytes, so that it may be answered and logged.
  public let reason: String
  /// Offset of the byte at which it was noticed.
  public let offset: Int
}
