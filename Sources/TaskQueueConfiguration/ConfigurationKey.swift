import Configuration

/// The keys that are read. All of them are in the table of `docs/configuration.md`, which a test checks.
package enum ConfigurationKey: String, CaseIterable, Sendable {
  case workerName = "worker.name"
  case workerVersion = "worker.version"
  case workerQueues = "worker.queues"
  case workerConcurrency = "worker.concurrency"
  case workerMaxConcurrent = "worker.maxConcurrent"
  case workerLimits = "worker.limits"
  case workerMaxPrefetch = "worker.maxPrefetch"
  case workerLease = "worker.lease"
  case workerMaxCrashes = "worker.maxCrashes"
  case workerMinPollInterval = "worker.minPollInterval"
  case workerMaxPollInterval = "worker.maxPollInterval"
  case workerPromotionInterval = "worker.promotionInterval"
  case workerListensForWakeUps = "worker.listensForWakeUps"
  case workerShutdownGrace = "worker.shutdownGrace"
  case workerCancellationGrace = "worker.cancellationGrace"
  case workerMaintenanceInterval = "worker.maintenanceInterval"
  case workerDepthInterval = "worker.depthInterval"

  case storeSchema = "store.schema"
  case storeMaxConnections = "store.maxConnections"
  case storeMaxEngineConnections = "store.maxEngineConnections"
  case storeWakesUp = "store.wakesUp"
  case storeClaimsAsynchronously = "store.claimsAsynchronously"
  case storeListenURL = "store.listenConnection.url"

  case connectionURL = "store.connection.url"
  case connectionConnectTimeout = "store.connection.connectTimeout"
  case connectionStatementTimeout = "store.connection.statementTimeout"
  case connectionCancelTimeout = "store.connection.cancelTimeout"
  case connectionListenProbeInterval = "store.connection.listenProbeInterval"
  case connectionApplicationName = "store.connection.applicationName"
  case connectionPreparesStatements = "store.connection.preparesStatements"

  case retentionDeadLetters = "retention.deadLetters"
  case retentionEffects = "retention.effects"
  case retentionActions = "retention.actions"

  case alarmsRules = "alarms.rules"
  case alarmsUnknownAfter = "alarms.unknownAfter"
  case alarmsInterval = "alarms.interval"
  case alarmsPageSize = "alarms.pageSize"
  case alarmsReportLimit = "alarms.reportLimit"

  /// May hold a password: marked for providers and access logs, and quoted by no error.
  var isSecret: Bool { self == .connectionURL || self == .storeListenURL }
  var configKey: ConfigKey { ConfigKey(rawValue) }
}
