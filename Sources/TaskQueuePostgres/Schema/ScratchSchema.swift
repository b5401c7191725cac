package import Libpq

/// A schema of its own, migrated, that is gone afterwards: for measuring.
package enum ScratchSchema {
  /// Runs the body with the name of a new schema, and drops that and all in it however the body ends; also when the calling task is cancelled.
  ///
  /// - Parameter prefix: of the name, for who finds what a killed process left; lower case letters, digits and underscores.
  package static func with<Value>(
    _ prefix: String,
    on configuration: LibpqConfiguration,
    _ body: (String) async throws -> Value
  ) async throws -> Value {
    let name = prefix + String(UInt64.random(in: .min ... .max), radix: 36)
    let schema = try SchemaName(name)
    let result: Result<Value, any Error>
    do {
      try await Migrator(configuration: configuration, schema: name).migrate()
      result = .success(try await body(name))
    } catch {
      result = .failure(error)
    }
    var settings = configuration
    settings.statementTimeout = nil
    let pool = LibpqPool(settings, maxConnections: 1)
    do {
      _ = try await pool.queryUninterrupted(LibpqStatement("DROP SCHEMA IF EXISTS \(schema.quoted) CASCADE"))
      await pool.close()
    } catch {
      await pool.close()
      // The first error says more.
      _ = try result.get()
      throw error
    }
    return try result.get()
  }
}
