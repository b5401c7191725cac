/// Identifies a group of tasks. Never used twice.
public struct GroupID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
  public let rawValue: Int64

  public init(rawValue: Int64) { self.rawValue = rawValue }
  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(Int64.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  public static func < (lhs: GroupID, rhs: GroupID) -> Bool { lhs.rawValue < rhs.rawValue }
  public var description: String { String(rawValue) }

  /// The header by which a group's callback knows it.
  package static let header = "taskqueue-group"

  /// nil: of no group's callback.
  init?(headers: [String: String]) {
    guard let id = headers[Self.header].flatMap({ Int64($0) }) else { return nil }
    self.init(id)
  }
}
