import TaskQueueMigrations

/// The SQL that a program brings.
struct SchemaScripts: Sendable {
  /// Tables: numbered from 1 without gaps, in order, never changed.
  var versions: [MigrationFile]
  /// In the order in which they are applied.
  var functions: [FunctionFile]
  /// Of the set of functions.
  var revision: Int

  static var current: SchemaScripts {
    SchemaScripts(versions: MigrationFile.all, functions: FunctionFile.all, revision: FunctionFile.revision)
  }

  /// The newest version of the tables; 0: none.
  var newestVersion: Int { versions.map(\.version).max() ?? 0 }
}
