import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Libpq
import NIOCore
import TaskQueue
import TaskQueueDashboard
import TaskQueuePostgres
import TaskQueueTestKit

/// A dashboard of a database of its own, below `/ops/queue` of an app, with people who may act or look.
struct DashboardFixture: Sendable {
  static let users = [
    DashboardUser("ann", password: "ann's secret", role: .act),
    DashboardUser("ben", password: "ben's secret", role: .read),
  ]

  let client: TaskClient<PostgresTaskStore>
  let http: any TestClientProtocol

  static func with(
    _ configuration: DashboardConfiguration = .init(),
    authenticator: DashboardAuthenticator = .basic(users),
    _ body: @escaping @Sendable (DashboardFixture) async throws -> Void
  ) async throws {
    try await withTestDatabase { database in
      let client = TaskClient(store: try PostgresTaskStore(.init(database.postgresConfiguration)))
      let dashboard = TaskDashboard(client: client, authenticator: authenticator, configuration: configuration)
      let router = Router()
      dashboard.mount(on: router.group("ops"), at: "queue")
      try await Application(router: router).test(.router) { try await body(DashboardFixture(client: client, http: $0)) }
      await client.store.close()
    }
  }

  static func header(_ name: String) -> String {
    "Basic \(Data("\(name):\(name)'s secret".utf8).base64EncodedString())"
  }

  func get(
    _ path: String,
    as name: String? = "ann",
    _ fields: HTTPFields = [:],
    method: HTTPRequest.Method = .get
  ) async throws -> TestResponse {
    var fields = fields
    if let name { fields[.authorization] = Self.header(name) }
    return try await http.execute(uri: "/ops/queue\(path)", method: method, headers: fields)
  }

  /// The text of a page.
  func page(_ path: String, as name: String = "ann") async throws -> String {
    String(buffer: try await get(path, as: name).body)
  }

  /// What the API answers.
  func json(_ path: String) async throws -> Any {
    try JSONSerialization.jsonObject(with: Data(try await get("/api/v1\(path)").body.readableBytesView))
  }

  /// The token of a page's forms; empty: it has none.
  func token(as name: String = "ann") async throws -> String {
    let text = try await page("/queue?name=default", as: name)
    return text.firstMatch(of: /name="token" value="([^"]*)"/).map { String($0.1) } ?? ""
  }

  /// Sends a form as a browser does from a page of the dashboard.
  func act(
    _ form: KeyValuePairs<String, String>,
    as name: String = "ann",
    token: String? = nil,
    _ fields: HTTPFields = [:]
  ) async throws -> TestResponse {
    let own: String
    if let token { own = token } else { own = try await self.token(as: name) }
    let pairs = [("token", own)] + form.map { ($0, $1) }
    let body = pairs.map { "\(Self.encoded($0))=\(Self.encoded($1))" }.joined(separator: "&")
    var fields = fields
    fields[.contentType] = "application/x-www-form-urlencoded"
    fields[.authorization] = Self.header(name)
    return try await http.execute(uri: "/ops/queue/act", method: .post, headers: fields, body: ByteBuffer(string: body))
  }

  /// Sends a JSON body.
  func post(_ json: String, as name: String = "ann", _ fields: HTTPFields = [:]) async throws -> TestResponse {
    var all: HTTPFields = [.contentType: "application/json", .authorization: Self.header(name)]
    for field in fields { all[field.name] = field.value }
    let body = ByteBuffer(string: json)
    return try await http.execute(uri: "/ops/queue/api/v1/actions", method: .post, headers: all, body: body)
  }

  private static func encoded(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
  }

  /// Puts a task aside, with an error.
  @discardableResult
  func bury(_ id: TaskID, error: String = "boom") async throws -> TaskID {
    let failure = TaskFailure(message: error, errorType: "E", attempt: 1, at: 1)
    let json = String(decoding: try JSONEncoder().encode([failure]), as: UTF8.self)
    try await client.pool.query(
      "UPDATE taskqueue.task SET errors = $2::jsonb WHERE id = $1",
      [.int8(id.rawValue), .text(json)]
    )
    try await client.cancel(id)
    return id
  }
}

struct Mail: TaskPayload {
  static let taskType: TaskType = "mail.send"
  var to = "ada"
}
