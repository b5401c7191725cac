import Hummingbird
import TaskQueueDashboard

struct AppUser: Sendable {
  var email: String
  var isStaff: Bool
  var isOnCall: Bool
}

struct AppContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  var user: AppUser?

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
  }
}

func sample(
  authenticator: DashboardAuthenticator,
  router: Router<AppContext>,
  standbyClient: TaskClient<PostgresTaskStore>,
  environment: [String: String]
) async throws {}
