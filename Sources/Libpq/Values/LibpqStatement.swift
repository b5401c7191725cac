/// A statement with its parameters, `$1` being the first.
public struct LibpqStatement: Sendable {
  /// One SQL statement.
  public var sql: String
  /// The values of `$1`, `$2`, …; at most 65,535.
  public var parameters: [LibpqValue]
  /// The name under which the statement is prepared, once per connection; nil: parsed and planned each time.
  public var name: String?

  /// The longest name of a prepared statement, in bytes.
  static let maxNameBytes = 48
  /// The protocol counts parameters in 16 bits.
  static let maxParameters = 65_535

  /// Creates a statement.
  ///
  /// - Parameter name: One name always stands for one SQL text. At most 48 bytes.
  public init(_ sql: String, _ parameters: [LibpqValue] = [], name: String? = nil) {
    self.sql = sql
    self.parameters = parameters
    self.name = name
  }

  /// Refuses what would be cut off or misread on its way through C.
  func validate() throws(LibpqError) {
    guard !sql.utf8.contains(0) else {
      throw LibpqError(.invalidArgument, "a statement contains a NUL character")
    }
    guard parameters.count <= Self.maxParameters else {
      throw LibpqError(.invalidArgument, "a statement has more than \(Self.maxParameters) parameters")
    }
    if let name {
      guard (1...Self.maxNameBytes).contains(name.utf8.count), !name.utf8.contains(0) else {
        throw LibpqError(.invalidArgument, "a statement's name has 1 to \(Self.maxNameBytes) bytes and no NUL")
      }
    }
  }
}
