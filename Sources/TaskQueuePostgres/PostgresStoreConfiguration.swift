public import Libpq
@_spi(Store) public import TaskQueue

/// How a ``PostgresTaskStore`` reaches its tables.
public struct PostgresStoreConfiguration: Sendable {
  /// How to reach the server. Behind PgBouncer in transaction mode turn `preparesStatements` off.
  public var connection: LibpqConfiguration
  /// A direct connection for LISTEN if ``connection`` goes through a transaction pooler; nil: ``connection``.
  public var listenConnection: LibpqConfiguration?
  /// The schema that ``Migrator`` or `psql` created; 1 to 63 bytes. Default `taskqueue`.
  public var schema: String
  /// At most this many connections for what the app calls: enqueues, transactions, effects, inspection. 1 to 1,000; default 8.
  public var maxConnections: Int
  /// At most this many more for workers, opened when needed: claims, outcomes, renewals and looks never wait behind handlers. The
  /// listener is not counted. 1 to 100; default 6, which is enough for one worker; workers that share a store share them.
  public var maxEngineConnections: Int
  /// Whether NOTIFY wakes workers. Off: the store sends none and opens no connection to listen; workers
  /// find tasks by polling. Default true.
  public var wakesUp: Bool
  /// Whether an exchange that only claims commits without waiting for the disk. A database crash may then forget a claim: the task
  /// runs again, as after a worker's crash, and the token still fences. Default false.
  public var claimsAsynchronously: Bool

  public init(
    _ connection: LibpqConfiguration = .init(),
    schema: String = "taskqueue",
    maxConnections: Int = 8,
    maxEngineConnections: Int = 6,
    wakesUp: Bool = true,
    claimsAsynchronously: Bool = false,
    listenConnection: LibpqConfiguration? = nil
  ) {
    self.connection = connection
    self.schema = schema
    self.maxConnections = maxConnections
    self.maxEngineConnections = maxEngineConnections
    self.wakesUp = wakesUp
    self.claimsAsynchronously = claimsAsynchronously
    self.listenConnection = listenConnection
  }

  /// - Throws: `invalidName` for the schema, `invalidConfiguration` for the numbers of connections and the times of theirs.
  public func validate() throws(TaskQueueError) {
    _ = try SchemaName(schema)
    guard (1...1000).contains(maxConnections) else {
      throw TaskQueueError(.invalidConfiguration, "maxConnections must be in 1 … 1000; got \(maxConnections).")
    }
    guard (1...100).contains(maxEngineConnections) else {
      throw TaskQueueError(
        .invalidConfiguration,
        "maxEngineConnections must be in 1 … 100; got \(maxEngineConnections)."
      )
    }
    for configuration in [connection, listenConnection].compactMap(\.self) {
      do { try configuration.validate() } catch {
        throw TaskQueueError(.invalidConfiguration, "A connection's settings: \(error.message).", underlying: error)
      }
    }
  }
}
