import ArgumentParser
import Hummingbird
import Logging
import TaskQueueCommands
import TaskQueueDashboard

/// `taskqueue`.
@main
struct TaskQueueTool {
  static func main() async {
    let host = CommandHost(servesDashboard: { try await serve($0) })
    await CommandHost.$current.withValue(host) { await TaskQueueCommand.main() }
  }

  /// Runs until it is cancelled.
  private static func serve(_ site: DashboardSite) async throws {
    let authenticator: DashboardAuthenticator =
      if let password = site.password {
        .basic([DashboardUser(site.actor, password: password, role: .act)])
      } else {
        .everybody(as: DashboardIdentity(site.actor, role: .act))
      }
    let dashboard = TaskDashboard(
      client: site.client,
      authenticator: authenticator,
      configuration: .with {
        $0.isReadOnly = site.isReadOnly
        $0.showsPayloads = site.showsPayloads
        $0.hosts = ["localhost", "127.0.0.1"]
      }
    )
    var logger = Logger(label: "taskqueue.dashboard") { StreamLogHandler.standardError(label: $0) }
    // It calls its own end by a signal an error.
    logger.logLevel = .critical
    let app = Application(
      router: dashboard.router(),
      configuration: .init(address: .hostname("127.0.0.1", port: site.port)),
      onServerRunning: { site.isReady($0.localAddress?.port ?? site.port) },
      logger: logger
    )
    try await app.run()
  }
}
