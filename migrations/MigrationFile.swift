/// One numbered `.sql` file of this folder.
public struct MigrationFile: Sendable {
  /// From 1, without gaps.
  public let version: Int
  /// What it is called in the table `migration`.
  public let name: String
  /// UTF-8 SQL.
  public let bytes: [UInt8]

  public init(version: Int, name: String, bytes: [UInt8]) {
    self.version = version
    self.name = name
    self.bytes = bytes
  }

  /// All of them, in the order in which they are applied.
  public static var all: [MigrationFile] {
    [
      MigrationFile(version: 1, name: "task_queue", bytes: PackageResources.V0001_task_queue_sql),
      MigrationFile(version: 2, name: "effects", bytes: PackageResources.V0002_effects_sql),
      MigrationFile(version: 3, name: "schedules", bytes: PackageResources.V0003_schedules_sql),
      MigrationFile(version: 4, name: "limits", bytes: PackageResources.V0004_limits_sql),
      MigrationFile(version: 5, name: "workers", bytes: PackageResources.V0005_workers_sql),
      MigrationFile(version: 6, name: "flows", bytes: PackageResources.V0006_flows_sql),
      MigrationFile(version: 7, name: "results", bytes: PackageResources.V0007_results_sql),
      MigrationFile(version: 8, name: "operations", bytes: PackageResources.V0008_operations_sql),
      MigrationFile(version: 9, name: "reports", bytes: PackageResources.V0009_reports_sql),
    ]
  }
}
