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
    /// SHA-256 of its file in hex; nil: applied by psql and not seen by ``Migrator`` yet.
    public var checksum: String?
    public var appliedAt: Date
  }

  /// By ascending version.
  public var applied: [Applied]
  /// Versions that ``Migrator/migrate()`` would apply.
  public var pending: [Int]

  public var isUpToDate: Bool { pending.isEmpty }
}
