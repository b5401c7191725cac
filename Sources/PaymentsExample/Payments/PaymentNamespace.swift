package import Libpq

/// What tells the payments of this database from those of every other one at a provider that several of them use: a random UUID,
/// made with the schema and kept for good, over restores and failovers.
///
/// A copy that goes on beside its original needs another one: `UPDATE payments.namespace SET id = gen_random_uuid()`.
package enum PaymentNamespace {
  /// - Throws: `LibpqError` if the schema isn't there.
  package static func find(in database: some LibpqQueryable) async throws -> String {
    try await database.query("SELECT id::text FROM payments.namespace")[0].text(0)
  }
}
