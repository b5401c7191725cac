import EmbeddedPostgres
import Foundation
import Hummingbird
import Libpq
import Logging
import ServiceLifecycle
import TaskQueue
import TaskQueueDashboard
import TaskQueuePostgres

@main
struct DashboardExample {
  /// The port as the only argument; 8080 without one, any free one for 0.
  static func main() async throws {
    let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8_080
    let server = try await EmbeddedPostgres.start()
    let database = LibpqConfiguration(server.connectionString)
    try await Migrator(configuration: database).migrate()
    let client = TaskClient(store: try PostgresTaskStore(.init(database)))
    let sample = Sample(client: client)
    try await sample.prepare()

    var configuration = TaskWorkerConfiguration()
    configuration.name = "shop-1"
    configuration.queues = Shop.queues
    configuration.concurrency = 12
    let worker = try TaskWorker(store: client.store, handlers: Shop.handlers(), configuration: configuration)

    let dashboard = TaskDashboard(
      client: client,
      authenticator: authenticator,
      configuration: .with {
        $0.title = "shop · example"
        $0.showsPayloads = true
        $0.hosts = ["localhost", "127.0.0.1"]
      }
    )
    let router = Router()
    dashboard.mount(on: router, at: "ops/queue")
    router.get("/") { _, _ in Response.redirect(to: "/ops/queue") }

    var logger = Logger(label: "dashboard")
    logger.logLevel = .error
    var app = Application(
      router: router,
      configuration: .init(address: .hostname("127.0.0.1", port: port)),
      onServerRunning: {
        // At once, also into a pipe.
        let line = "url=http://127.0.0.1:\($0.localAddress?.port ?? port)/ops/queue\n"
        FileHandle.standardOutput.write(Data(line.utf8))
      },
      logger: logger
    )
    app.addServices(worker, sample)
    try await app.runService()
    await server.stop()
  }

  /// Whoever is at this machine may act, and no page of another site. With a password in `DASHBOARD_PASSWORD` ann may act, and ben only looks. An app says
  /// who may: see docs/dashboard.md.
  private static var authenticator: DashboardAuthenticator {
    guard let password = ProcessInfo.processInfo.environment["DASHBOARD_PASSWORD"] else {
      return .everybody(as: DashboardIdentity("you", role: .act))
    }
    return .basic([
      DashboardUser("ann", password: password, role: .act), DashboardUser("ben", password: password, role: .read),
    ])
  }
}
