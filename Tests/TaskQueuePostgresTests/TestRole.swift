import Libpq
import TaskQueueTestKit

/// A role of one test's own on the server of its database.
struct TestRole {
  let name: String
  let database: TestDatabase

  /// How the role reaches the database.
  var configuration: LibpqConfiguration { database.configuration("user=\(name)") }

  func callAsFunction(_ function: String) async throws {
    try await database.query("SELECT taskqueue.\(function)('\(name)')")
  }
}

extension TestDatabase {
  /// The connection string with one setting more, which wins over what it says already.
  func configuration(_ setting: String) -> LibpqConfiguration {
    let isURI = connectionString.contains("://")
    let separator = !isURI ? " " : connectionString.contains("?") ? "&" : "?"
    return LibpqConfiguration(connectionString + separator + setting)
  }

  /// Makes a role that may log in and nothing else, and drops it after the body.
  func withRole(_ purpose: String, _ body: (TestRole) async throws -> Void) async throws {
    let role = TestRole(name: "\(purpose)_of_\(name)", database: self)
    try await query("CREATE ROLE \(role.name) LOGIN")
    let result: Result<Void, any Error>
    do { result = .success(try await body(role)) } catch { result = .failure(error) }
    try await query("DROP OWNED BY \(role.name)")
    try await query("DROP ROLE \(role.name)")
    try result.get()
  }
}
