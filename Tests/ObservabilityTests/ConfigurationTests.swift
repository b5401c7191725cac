import Configuration
import Foundation
import Libpq
import Synchronization
import TaskQueue
import TaskQueuePostgres
import Testing

@testable import TaskQueueConfiguration

@Suite("Options come from configuration")
struct ConfigurationTests {
  private func reader(_ values: [AbsoluteConfigKey: ConfigValue]) -> ConfigReader {
    ConfigReader(provider: InMemoryProvider(values: values))
  }

  private func environment(_ variables: [String: String]) -> ConfigReader {
    ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: variables)).scoped(to: "taskqueue")
  }

  @Test("Without a value, everything is as by default")
  func defaults() throws {
    let config = environment([:])
    let (worker, plain) = (try TaskWorkerConfiguration(config: config), TaskWorkerConfiguration())
    #expect("\(worker)" == "\(plain)")
    #expect("\(try PostgresStoreConfiguration(config: config))" == "\(PostgresStoreConfiguration())")
    #expect(try RetentionConfiguration(config: config) == RetentionConfiguration())
    #expect("\(try AlarmMonitorConfiguration(config: config))" == "\(AlarmMonitorConfiguration())")
  }

  /// For each key a value that is not the default.
  private static let values: [ConfigurationKey: String] = [
    .workerName: "w", .workerVersion: "1.4.0", .workerQueues: "a, b", .workerConcurrency: "7",
    .workerMaxConcurrent: "a=2,b=3",
    .workerLimits: "bank=5,mail=10/1s", .workerMaxPrefetch: "8", .workerLease: "90s", .workerMaxCrashes: "3",
    .workerMinPollInterval: "2ms", .workerMaxPollInterval: "2", .workerPromotionInterval: "0.5",
    .workerListensForWakeUps: "false", .workerShutdownGrace: "1m", .workerCancellationGrace: "1500ms",
    .workerMaintenanceInterval: "1h30m", .workerDepthInterval: "15s", .storeSchema: "tasks",
    .storeMaxConnections: "9", .storeMaxEngineConnections: "4", .storeWakesUp: "false",
    .storeClaimsAsynchronously: "true", .storeListenURL: "host=direct", .connectionURL: "host=pooler",
    .connectionConnectTimeout: "3s", .connectionStatementTimeout: "4s", .connectionCancelTimeout: "6s",
    .connectionListenProbeInterval: "7s", .connectionApplicationName: "app", .connectionPreparesStatements: "false",
    .retentionDeadLetters: "30d", .retentionEffects: "none", .retentionActions: "60d",
    .alarmsRules: "mail=10m,pay=1.5h", .alarmsUnknownAfter: "5m", .alarmsInterval: "20s", .alarmsPageSize: "500",
    .alarmsReportLimit: "50",
  ]

  @Test("Every key is read from the environment, and none that is not documented")
  func environmentVariables() throws {
    #expect(Set(Self.values.keys) == Set(ConfigurationKey.allCases))
    var variables: [String: String] = [:]
    for (key, value) in Self.values {
      let words = key.rawValue.replacing(/([a-z])([A-Z])/) { "\($0.1)_\($0.2)" }
      variables["TASKQUEUE_" + words.replacing(".", with: "_").uppercased()] = value
    }
    let asked = Asked()
    let config = ConfigReader(
      provider: EnvironmentVariablesProvider(environmentVariables: variables),
      accessReporter: asked
    ).scoped(to: "taskqueue")

    let worker = try TaskWorkerConfiguration(config: config)
    #expect(worker.name == "w" && worker.queues == ["a", "b"] && worker.concurrency == 7)
    #expect(worker.maxConcurrent == ["a": 2, "b": 3] && worker.maxPrefetch == 8 && worker.maxCrashes == 3)
    #expect(worker.limits == [LimitRule("bank", concurrency: 5), LimitRule("mail", rate: LimitRate(10))])
    #expect(worker.lease == .seconds(90) && worker.minPollInterval == .milliseconds(2))
    #expect(worker.maxPollInterval == .seconds(2) && worker.promotionInterval == .milliseconds(500))
    #expect(!worker.listensForWakeUps && worker.shutdownGrace == .seconds(60))
    #expect(worker.cancellationGrace == .milliseconds(1_500) && worker.maintenanceInterval == .seconds(5_400))
    #expect(worker.depthInterval == .seconds(15) && worker.version == "1.4.0")

    let store = try PostgresStoreConfiguration(config: config)
    #expect(store.schema == "tasks" && store.maxConnections == 9 && store.maxEngineConnections == 4)
    #expect(!store.wakesUp && store.claimsAsynchronously)
    #expect(store.connection.connectionString == "host=pooler" && store.connection.connectTimeout == .seconds(3))
    #expect(store.connection.statementTimeout == .seconds(4) && store.connection.cancelTimeout == .seconds(6))
    #expect(store.connection.listenProbeInterval == .seconds(7) && store.connection.applicationName == "app")
    #expect(!store.connection.preparesStatements)
    #expect(store.listenConnection?.connectionString == "host=direct")
    #expect(store.listenConnection?.connectTimeout == .seconds(3), "all else is as of the connection")

    let retention = try RetentionConfiguration(config: config)
    #expect(worker.retention == retention)
    #expect(retention.deadLetters == .seconds(30 * 86_400) && retention.effects == nil)
    #expect(retention.actions == .seconds(60 * 86_400))

    let alarms = try AlarmMonitorConfiguration(config: config)
    #expect(
      alarms.rules == [AlarmRule("mail", finalWithin: .seconds(600)), AlarmRule("pay", finalWithin: .seconds(5_400))]
    )
    #expect(alarms.unknownAfter == .seconds(300) && alarms.interval == .seconds(20))
    #expect(alarms.pageSize == 500 && alarms.reportLimit == 50)

    #expect(asked.keys == Set(ConfigurationKey.allCases.map { "taskqueue.\($0.rawValue)" }))
    #expect(asked.plainValues.allSatisfy { !$0.contains("host=") }, "URLs are secrets")
  }

  @Test("Typed values are read as well as texts")
  func typedValues() throws {
    let worker = try TaskWorkerConfiguration(
      config: reader([
        "worker.queues": .init(.stringArray(["a", " b "]), isSecret: false), "worker.concurrency": 5,
        "worker.lease": 30, "worker.maxPollInterval": 2.5, "worker.listensForWakeUps": false,
      ])
    )
    #expect(worker.queues == ["a", "b"] && worker.concurrency == 5 && worker.lease == .seconds(30))
    #expect(worker.maxPollInterval == .milliseconds(2_500) && !worker.listensForWakeUps)
  }

  @Test(
    "A value that cannot be read, or is out of its bounds, is an error that names the key",
    arguments: [
      ("WORKER_CONCURRENCY", "many", "worker.concurrency", "many"),
      ("WORKER_CONCURRENCY", "0", "worker", "concurrency must be in"),
      ("WORKER_CONCURRENCY", "", "worker.concurrency", "whole number"),
      ("WORKER_LEASE", "30 parsecs", "worker.lease", "30 parsecs"), ("WORKER_LEASE", "-1s", "worker.lease", "-1s"),
      ("WORKER_LEASE", "none", "worker.lease", "duration"), ("WORKER_LEASE", "1ms", "worker", "lease must be"),
      ("WORKER_LISTENS_FOR_WAKE_UPS", "perhaps", "worker.listensForWakeUps", "perhaps"),
      ("WORKER_MAX_CONCURRENT", "default", "worker.maxConcurrent", "queue=5"),
      ("WORKER_MAX_CONCURRENT", "default=x", "worker.maxConcurrent", "x"),
      ("WORKER_MAX_CONCURRENT", "a=1,a=2", "worker.maxConcurrent", "twice"),
      ("WORKER_LIMITS", "bank=fast", "worker.limits", "10/1s"),
      ("WORKER_DEPTH_INTERVAL", "0.5s", "worker", "depthInterval"),
      ("STORE_SCHEMA", "", "store", "schema"), ("STORE_MAX_CONNECTIONS", "0", "store", "maxConnections"),
      ("STORE_CONNECTION_CONNECT_TIMEOUT", "0s", "store.connection", "connectTimeout"),
      ("RETENTION_ACTIONS", "1h", "retention", "actions"), ("ALARMS_RULES", "mail", "alarms.rules", "receipt.send=10m"),
      ("ALARMS_RULES", "mail=soon", "alarms.rules", "soon"), ("ALARMS_PAGE_SIZE", "1.5", "alarms.pageSize", "1.5"),
    ]
  )
  func errors(variable: String, value: String, key: String, hint: String) {
    let config = environment(["TASKQUEUE_\(variable)": value])
    let error = #expect(throws: TaskQueueError.self) {
      _ = try TaskWorkerConfiguration(config: config)
      _ = try PostgresStoreConfiguration(config: config)
      _ = try RetentionConfiguration(config: config)
      _ = try AlarmMonitorConfiguration(config: config)
    }
    #expect(error?.message.contains("The configuration \(key)") == true, "\(error?.message ?? "")")
    #expect(error?.message.lowercased().contains(hint.lowercased()) == true, "\(error?.message ?? "")")
  }

  @Test("A value of another type is not passed over")
  func otherType() {
    #expect(throws: TaskQueueError.self) { try TaskWorkerConfiguration(config: reader(["worker.concurrency": true])) }
    #expect(throws: TaskQueueError.self) { try TaskWorkerConfiguration(config: reader(["worker.name": 7])) }
    #expect(throws: TaskQueueError.self) {
      try PostgresStoreConfiguration(config: reader(["store.connection.url": 7]))
    }
  }

  @Test(
    "Durations have units, or are seconds",
    arguments: [
      ("30s", Duration.seconds(30)), ("250ms", .milliseconds(250)), ("1h30m", .seconds(5_400)),
      ("1.5d", .seconds(129_600)),
      ("90", .seconds(90)), (" 1m 30s ", .seconds(90)), ("0", .zero), ("0.25", .milliseconds(250)), ("s", nil),
      ("1x", nil),
      ("1e3", nil), ("", nil), ("-5s", nil), ("1..5s", nil), ("99999999999999d", nil), ("½s", nil),
    ]
  )
  func durations(text: String, duration: Duration?) {
    #expect(Duration(configuration: text) == duration)
  }

  /// Which keys were asked for, and what came in the clear.
  private final class Asked: AccessReporter {
    private let state = Mutex<(keys: Set<String>, values: [String])>(([], []))
    var keys: Set<String> { state.withLock(\.keys) }
    var plainValues: [String] { state.withLock(\.values) }

    func report(_ event: AccessEvent) {
      let value = try? event.result.get()
      state.withLock { state in
        state.keys.insert("\(event.metadata.key)")
        if let value, !value.isSecret { state.values.append("\(value.content)") }
      }
    }
  }
}
