public import Configuration
import Libpq
public import TaskQueue
public import TaskQueuePostgres

extension PostgresStoreConfiguration {
  /// The defaults, with what the keys `store.…` say: [list](https://github.com/taskqueue/taskqueue/blob/main/docs/configuration.md).
  ///
  /// - Throws: ``TaskQueueError`` that names the key: `invalidConfiguration` for a value that cannot be read; what ``validate()`` throws.
  public init(config: ConfigReader) throws(TaskQueueError) {
    self.init(try LibpqConfiguration(config: config))
    try config.read(.storeSchema, into: &schema)
    try config.read(.storeMaxConnections, into: &maxConnections)
    try config.read(.storeMaxEngineConnections, into: &maxEngineConnections)
    try config.read(.storeWakesUp, into: &wakesUp)
    try config.read(.storeClaimsAsynchronously, into: &claimsAsynchronously)
    var listenURL: String?
    try config.read(.storeListenURL, into: &listenURL)
    if let listenURL {
      var direct = connection
      direct.connectionString = listenURL
      listenConnection = direct
    }
    let read = self
    try ConfigReader.validate("store") { () throws(TaskQueueError) in try read.validate() }
  }
}
