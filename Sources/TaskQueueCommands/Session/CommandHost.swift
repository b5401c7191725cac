public import TaskQueue
public import TaskQueuePostgres

/// What an app brings to the commands that it mounts as its own.
///
/// ```swift
/// @main
/// struct Shop: AsyncParsableCommand {
///   static let configuration = CommandConfiguration(subcommands: [Serve.self, TaskQueueCommand.self])
///
///   static func main() async {
///     let host = CommandHost(configuration: Shop.database, handlers: Shop.handlers)
///     await CommandHost.$current.withValue(host) { await main(nil) }
///   }
/// }
/// ```
///
/// Then `shop taskqueue status` asks the app's own database. What the command line says (`--database-url`, `--schema`) counts more.
public struct CommandHost: Sendable {
  /// That of the app; nil: none, the command line and the environment say all.
  @TaskLocal public static var current: CommandHost?

  /// How the app reaches its tasks; nil: as the command line and the environment say.
  public var configuration: PostgresStoreConfiguration?
  /// What `dev` runs, besides its echo.
  public var handlers: TaskHandlers?
  /// The queues that `dev` serves, besides `default`.
  public var queues: [QueueName]
  /// Serves the dashboard until it is cancelled; nil: the program has none.
  package var servesDashboard: (@Sendable (DashboardSite) async throws -> Void)?

  public init(
    configuration: PostgresStoreConfiguration? = nil,
    handlers: TaskHandlers? = nil,
    queues: [QueueName] = []
  ) {
    self.configuration = configuration
    self.handlers = handlers
    self.queues = queues
  }

  package init(servesDashboard: @escaping @Sendable (DashboardSite) async throws -> Void) {
    self.init()
    self.servesDashboard = servesDashboard
  }
}
