public import Configuration
public import Libpq
public import TaskQueue

extension LibpqConfiguration {
  /// The defaults, with what the keys `store.connection.…` say: [list](https://github.com/taskqueue/taskqueue/blob/main/docs/configuration.md). Without a URL the
  /// `PG*` environment counts, as with libpq.
  ///
  /// - Throws: ``TaskQueueError`` with `invalidConfiguration` that names the key.
  public init(config: ConfigReader) throws(TaskQueueError) {
    self.init()
    try config.read(.connectionURL, into: &connectionString)
    try config.read(.connectionConnectTimeout, into: &connectTimeout)
    try config.read(.connectionStatementTimeout, into: &statementTimeout)
    try config.read(.connectionCancelTimeout, into: &cancelTimeout)
    try config.read(.connectionListenProbeInterval, into: &listenProbeInterval)
    try config.read(.connectionApplicationName, into: &applicationName)
    try config.read(.connectionPreparesStatements, into: &preparesStatements)
    do { try validate() } catch {
      throw TaskQueueError(
        .invalidConfiguration,
        "The configuration store.connection: \(error.message).",
        underlying: error
      )
    }
  }
}
