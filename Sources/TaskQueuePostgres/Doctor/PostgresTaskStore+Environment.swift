import Libpq
public import TaskQueue

extension PostgresTaskStore {
  /// Says what keeps a worker from running here, and the cure: schema missing, renamed, too old or too new; a privilege that the role
  /// lacks; row security; settings of role, database and server that cannot work. What is not named does not matter, such as isolation,
  /// string syntax, search path, date style, time zone and language.
  ///
  /// `TaskWorker` calls it when it starts. For a role that is to run workers: one that only enqueues, or looks and intervenes, lacks most of
  /// what it asks for, and needs no more. Two round trips, of some milliseconds. Changes nothing.
  ///
  /// - Throws: `invalidConfiguration` with all that was found; `storeFailed` if the database could not be asked.
  public func checkEnvironment() async throws(TaskQueueError) { try await checkEnvironment(through: pool, within: nil) }

  /// - Parameter limit: of each of the two round trips.
  func checkEnvironment(through pool: LibpqPool, within limit: Duration?) async throws(TaskQueueError) {
    let check = EnvironmentCheck(schema: try SchemaName(configuration.schema), scripts: .current)
    let looked: [LibpqResult]
    do {
      looked = try await isolation.send([EnvironmentCheck.noTimeout, check.statement], through: pool, within: limit)
    } catch {
      throw TaskQueueError(error, .safe)
    }
    let findings = try read { () throws(LibpqError) in try EnvironmentFindings(looked[1], schema: check.schema) }
    isolation.learn(defaultIsolation: findings.defaultIsolation)
    if let error = findings.error { throw error }
    let versions: LibpqResult
    do { versions = try await isolation.send([check.versionStatement], through: pool, within: limit)[0] } catch {
      throw TaskQueueError(error, .safe)
    }
    let (newest, needed) = try read { () throws(LibpqError) in
      (Int(try versions[0].int8(0)), Int(try versions[0].int8(1)))
    }
    let version = findings.versionFinding(newest: newest, needed: needed, known: check.scripts.newestVersion)
    if let version { throw TaskQueueError(.invalidConfiguration, version.description) }
  }
}
