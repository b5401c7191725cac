#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a schema has and what this program brings.
public struct MigrationStatus: Sendable {
  /// One applied version.
  public struct Applied: Sendable {
    public var version: Int
    public var name: String
    /// Programs that know this version or a later one may work with the schema.
    public var minimumProgramVersion: Int
    /// SHA-256 of its file in hex; nil: applied by psql and not seen by ``Migrator`` yet.
    public var checksum: String?
    public var appliedAt: Date
  }

  /// By ascending version.
  public var applied: [Applied]
  /// Versions that ``Migrator/migrate()`` would apply.
  public var pending: [Int]

  /// The highest revision of the functions there; nil: none.
  public var functionRevision: Int?
  /// Functions that ``Migrator/migrate()`` would apply or record again; none if those there are a newer program's.
  public var pendingFunctions: [String] = []

  public var isUpToDate: Bool { pending.isEmpty && pendingFunctions.isEmpty }
}
