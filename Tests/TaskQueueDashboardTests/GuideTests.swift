import EmbeddedPostgres
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Libpq
import NIOCore
import TaskQueue
import TaskQueueDashboard
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("What docs/dashboard.md says")
struct GuideTests {
  @Test("Two lines mount it, below any path; a service of its own is one more")
  func mounting() async throws {
    let client = TaskClient(store: InMemoryTaskStore())
    let authenticator = DashboardAuthenticator.everybody(as: DashboardIdentity("you", role: .act))
    for path in ["", "ops", "ops/queue", "/a/b/c/"] {
      let router = Router()
      router.get("/health") { _, _ in "well" }

      let dashboard = TaskDashboard(client: client, authenticator: authenticator)
      dashboard.mount(on: router, at: RouterPath(path))

      let base = path.split(separator: "/").map { "/\($0)" }.joined()
      try await Application(router: router).test(.router) { http in
        let page = try await http.execute(uri: "\(base)/tasks", method: .get)
        #expect(page.status == .ok)
        #expect(String(buffer: page.body).contains("href=\"\(base)/limits\""))
        #expect(try await http.execute(uri: base.isEmpty ? "/" : base, method: .get).status == .ok)
        #expect(String(buffer: try await http.execute(uri: "/health", method: .get).body) == "well")
      }
    }
    let service = Application(router: TaskDashboard(client: client, authenticator: authenticator).router())
    try await service.test(.router) { http in
      let answer = try await http.execute(uri: "/", method: .get)
      #expect(answer.status == .ok)
    }
  }

  private struct AppContext: RequestContext {
    struct User {
      var email: String
      var isStaff: Bool
      var isOnCall: Bool
    }
    var coreContext: CoreRequestContextStorage
    var user: User? = User(email: "ann@example.org", isStaff: true, isOnCall: false)
    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
  }

  @Test("An app's own people are asked for by its context")
  func ownPeople() async throws {
    let authenticator = DashboardAuthenticator(signIn: "/login") { (request: Request, context: AppContext) in
      guard let user = context.user, user.isStaff else { return nil }
      return DashboardIdentity(user.email, role: user.isOnCall ? .act : .read)
    }
    let router = Router(context: AppContext.self)
    TaskDashboard(client: TaskClient(store: InMemoryTaskStore()), authenticator: authenticator).mount(
      on: router,
      at: "q"
    )
    try await Application(router: router).test(.router) { http in
      let page = String(buffer: try await http.execute(uri: "/q", method: .get).body)
      #expect(page.contains("ann@example.org") && page.contains("looks only"))
    }
  }

  @Test("What a proxy takes away from the path is put back")
  func publicPath() async throws {
    let dashboard = TaskDashboard(
      client: TaskClient(store: InMemoryTaskStore()),
      authenticator: .everybody(as: DashboardIdentity("you", role: .act)),
      configuration: .with { $0.publicPath = "/ops/queue" }
    )
    try await Application(router: dashboard.router()).test(.router) { http in
      let page = String(buffer: try await http.execute(uri: "/tasks", method: .get).body)
      #expect(page.contains("href=\"/ops/queue/limits\"") && !page.contains("href=\"/limits\""))
    }
  }

  @Test("Pages are read from a standby, and say so; what is done is done on the primary", .timeLimit(.minutes(2)))
  func standby() async throws {
    let primary = try await EmbeddedPostgres.start(settings: ["fsync": "off"])
    try await Migrator(configuration: LibpqConfiguration(primary.connectionString)).migrate()
    let standby = try await primary.startStandby(name: "copy", settings: ["fsync": "off"])
    let client = TaskClient(store: try PostgresTaskStore(.init(LibpqConfiguration(primary.connectionString))))
    let standbyClient = TaskClient(store: try PostgresTaskStore(.init(LibpqConfiguration(standby.connectionString))))
    let authenticator = DashboardAuthenticator.everybody(as: DashboardIdentity("you", role: .act))
    let id = try await client.enqueue(Mail()).id

    let dashboard = TaskDashboard(client: client, reading: standbyClient, authenticator: authenticator)
    try await Application(router: dashboard.router()).test(.router) { http in
      try await eventually("the standby has the task") {
        try await String(buffer: http.execute(uri: "/tasks", method: .get).body).contains("data-key=\"\(id)\"")
      }
      for path in [
        "/", "/tasks/\(id)", "/dead", "/effects", "/schedules", "/limits", "/workers", "/throughput", "/journal",
        "/queue?name=default",
      ] {
        let page = try await http.execute(uri: path, method: .get)
        #expect(page.status == .ok, "\(path)")
        #expect(String(buffer: page.body).contains("Read from a standby"))
      }
      let body = ByteBuffer(string: #"{"verb": "cancel", "task": \#(id)}"#)
      let headers: HTTPFields = [.contentType: "application/json"]
      let answer = try await http.execute(uri: "/api/v1/actions", method: .post, headers: headers, body: body)
      #expect(answer.status == .ok)
      #expect(try await client.deadLetters().map(\.id) == [id])
    }
    await client.store.close()
    await standbyClient.store.close()
    await standby.stop()
    await primary.stop()
  }
}
