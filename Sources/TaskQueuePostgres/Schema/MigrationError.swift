/// Why the schema could not be brought up to date.
public struct MigrationError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure. More may be added.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private init(_ description: String) { self.description = description }

    /// The schema's name cannot be used.
    public static let invalidSchemaName = Code("invalidSchemaName")
    /// The database has a version that this program does not know, and that does not work with programs as old as this one.
    public static let schemaIsNewer = Code("schemaIsNewer")
    /// The schema has a table `migration`, or another object with a name of ours, that is not TaskQueue's.
    public static let foreignTable = Code("foreignTable")
    /// The role may not use, read or change the schema. Nothing was changed.
    public static let insufficientPrivilege = Code("insufficientPrivilege")
    /// A version was applied from a file with another content.
    public static let checksumMismatch = Code("checksumMismatch")
    /// PostgreSQL refused or could not be reached. Nothing was changed.
    public static let databaseFailed = Code("databaseFailed")
  }

  public var code: Code
  /// What went wrong and what to do about it.
  public var message: String
  public var underlying: (any Error)?

  public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.underlying = underlying
  }

  public var description: String {
    underlying.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
  }
}
