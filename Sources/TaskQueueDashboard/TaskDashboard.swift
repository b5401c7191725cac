import HTTPTypes
public import Hummingbird
public import TaskQueue

#if !Dashboard
  #error("TaskQueueDashboard needs the package's trait Dashboard: .package(url: …, from: …, traits: [\"Dashboard\"])")
#endif

/// Pages and a JSON API for the people who run a queue: what waits and why, what failed, and the switches.
///
/// ```swift
/// let dashboard = TaskDashboard(client: client, authenticator: .basic([DashboardUser("ann", password: secret, role: .act)]))
/// dashboard.mount(on: router, at: "tasks")
/// ```
///
/// Rendered by the server, without JavaScript too; loads nothing from elsewhere. Each action has a line in the journal with the name of who did it.
/// A value: make one and mount it once.
public struct TaskDashboard: Sendable {
  private let responder: DashboardResponder
  /// Those that no page has are answered with those that it has.
  private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"]

  /// - Parameters:
  ///   - client: what acts, and reads unless there is another one for that.
  ///   - reading: a client of a standby, which pages are read from; they may be as old as that is behind.
  ///   - authenticator: who may see it, and act.
  public init<Store: TaskStore>(
    client: TaskClient<Store>,
    reading: TaskClient<Store>? = nil,
    authenticator: DashboardAuthenticator,
    configuration: DashboardConfiguration = .init()
  ) {
    self.init(
      client: client,
      reading: reading,
      authenticator: authenticator,
      configuration: configuration,
      maxBodyTime: .seconds(10)
    )
  }

  init<Store: TaskStore>(
    client: TaskClient<Store>,
    reading: TaskClient<Store>? = nil,
    authenticator: DashboardAuthenticator,
    configuration: DashboardConfiguration,
    maxBodyTime: Duration
  ) {
    precondition(configuration.maxInFlight >= 1, "a dashboard makes at least one page at a time")
    let source = DashboardSource(reads: reading ?? client, acts: client, isCopy: reading != nil)
    let actions = ActionDesk(source: source)
    let secret = configuration.secret ?? (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    responder = DashboardResponder(
      pages: DashboardPages(source: source),
      api: DashboardAPI(source: source, actions: actions, maxBodyTime: maxBodyTime),
      actions: actions,
      authenticator: authenticator,
      configuration: configuration,
      renderer: PageRenderer(title: configuration.title, isCopy: reading != nil),
      sites: SiteRule(hosts: configuration.hosts, origins: configuration.origins),
      tokens: FormToken(secret: secret),
      gate: InFlightGate(limit: configuration.maxInFlight),
      maxBodyTime: maxBodyTime
    )
  }

  /// Adds the dashboard to an app's router, or to a group of it: `mount(on: router.group("admin"), at: "tasks")`.
  ///
  /// Middleware that was added before runs before it. It answers all requests of the path and of all below it.
  public func mount<Context: RequestContext>(on router: some RouterMethods<Context>, at path: RouterPath = "") {
    let group = router.group(path)
    let responder = responder
    for method in Self.methods.compactMap({ HTTPRequest.Method($0) }) {
      group.on("", method: method) { request, context in
        await responder.respond(to: request, context: context, below: 0)
      }
      group.on("**", method: method) { request, context in
        await responder.respond(to: request, context: context, below: context.parameters.getCatchAll().count)
      }
    }
  }

  /// A router with nothing but the dashboard, for a service of its own: `Application(router: dashboard.router())`.
  public func router() -> Router<BasicRequestContext> {
    let router = Router()
    mount(on: router)
    return router
  }
}
