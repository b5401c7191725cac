import Dispatch
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import TaskQueueDashboard

@Suite("Who may see the dashboard, and act")
struct AccessTests {
  @Test("Who does not say who they are, or says it wrongly, sees nothing")
  func unknown() async throws {
    try await DashboardFixture.with { dashboard in
      for path in ["", "/", "/tasks", "/tasks/1", "/api/v1/overview", "/api/v1/openapi.json", "/nowhere"] {
        let answer = try await dashboard.get(path, as: nil)
        #expect(answer.status == .unauthorized)
        #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Basic realm=") == true)
        #expect(!String(buffer: answer.body).contains("token"))
      }
      for header in [
        "Basic", "Basic !", "Basic \(Data("ann:wrong".utf8).base64EncodedString())", "Bearer x",
        "Basic \(Data("eve:".utf8).base64EncodedString())",
      ] {
        #expect(try await dashboard.get("/", as: nil, [.authorization: header]).status == .unauthorized)
      }
      #expect(try await dashboard.get("/").status == .ok)
    }
  }

  @Test("Who only reads gets no form, and no action through; nor does anybody on a read-only dashboard")
  func roles() async throws {
    try await DashboardFixture.with { dashboard in
      let id = try await dashboard.client.enqueue(Mail()).id
      #expect(try await !dashboard.page("/tasks/\(id)", as: "ben").contains("<form method=\"post\""))
      #expect(try await dashboard.page("/tasks/\(id)").contains("<form method=\"post\""))
      let token = try await dashboard.token()
      #expect(
        try await dashboard.act(["verb": "cancel", "task": "\(id)"], as: "ben", token: token).status == .forbidden
      )
      #expect(try await dashboard.post(#"{"verb": "cancel", "task": \#(id)}"#, as: "ben").status == .forbidden)
      #expect(try await dashboard.get("/dead/confirm?verb=purge&all=true", as: "ben").status == .forbidden)
      #expect(try await dashboard.client.task(id) != nil)
    }
    try await DashboardFixture.with(.with { $0.isReadOnly = true }) { dashboard in
      let id = try await dashboard.client.enqueue(Mail()).id
      #expect(try await dashboard.token() == "")
      #expect(try await dashboard.act(["verb": "cancel", "task": "\(id)"], token: "x").status == .forbidden)
      #expect(try await dashboard.post(#"{"verb": "cancel", "task": \#(id)}"#).status == .forbidden)
      #expect(try await dashboard.client.task(id) != nil)
    }
  }

  @Test("A form without its token, with another person's, an old or a made-up one does nothing")
  func tokens() async throws {
    try await DashboardFixture.with { dashboard in
      let id = try await dashboard.client.enqueue(Mail()).id
      let form: KeyValuePairs = ["verb": "cancel", "task": "\(id)"]
      let key = FormToken(secret: Array(repeating: 7, count: 32))
      let bens = key.make(for: DashboardIdentity("ben", role: .act))
      for token in ["", "x", "1.AAAA", bens] {
        #expect(try await dashboard.act(form, token: token).status == .forbidden)
      }
      #expect(try await dashboard.client.task(id) != nil)
      #expect(try await dashboard.act(form).status == .seeOther)
      #expect(try await dashboard.client.task(id) == nil)
    }
    let key = FormToken(secret: Array(repeating: 7, count: 32))
    let ann = DashboardIdentity("ann", role: .act)
    let token = key.make(for: ann)
    #expect(key.isValid(token, for: ann))
    #expect(!key.isValid(token, for: DashboardIdentity("ben", role: .act)))
    #expect(!key.isValid(token, for: ann, now: Date(timeIntervalSinceNow: FormToken.lifetime + 1)))
    #expect(!FormToken(secret: Array(repeating: 8, count: 32)).isValid(token, for: ann))
  }

  @Test("What a browser says comes from another site is refused, token or not")
  func otherSites() async throws {
    try await DashboardFixture.with { dashboard in
      let token = try await dashboard.token()
      let site = try #require(HTTPField.Name("Sec-Fetch-Site"))
      for fields: HTTPFields in [
        [.origin: "https://evil.example"], [.origin: "null"], [site: "cross-site"], [site: "same-site"],
        [.origin: "http://localhost.evil.example"],
      ] {
        let form: KeyValuePairs = ["verb": "pause_queue", "queue": "mail"]
        #expect(try await dashboard.act(form, token: token, fields).status == .forbidden)
        #expect(try await dashboard.post(#"{"verb": "pause_queue", "queue": "mail"}"#, fields).status == .forbidden)
      }
      #expect(try await dashboard.client.pausedQueues().isEmpty)
      let form: KeyValuePairs = ["verb": "pause_queue", "queue": "mail"]
      #expect(try await dashboard.act(form, [site: "same-origin", .origin: "http://localhost"]).status == .seeOther)
      #expect(try await dashboard.client.pausedQueues() == ["mail"])
    }
  }

  @Test("The API takes JSON only, which no form of another site can send")
  func jsonOnly() async throws {
    try await DashboardFixture.with { dashboard in
      for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let answer = try await dashboard.post(#"{"verb": "pause_queue", "queue": "mail"}"#, [.contentType: type])
        #expect(answer.status == .unsupportedMediaType)
      }
      let paused = try await dashboard.client.pausedQueues()
      #expect(paused.isEmpty)
    }
  }

  @Test("An app's own people: by its context, its sign-in page and its errors")
  func ownAuthenticator() async throws {
    let authenticator = DashboardAuthenticator(signIn: "/login") { (request: Request, _: BasicRequestContext) in
      guard let name = request.headers[.cookie] else { return nil }
      if name == "broken" { throw CancellationError() }
      return DashboardIdentity("\(name)\u{1}", role: .read)
    }
    try await DashboardFixture.with(authenticator: authenticator) { dashboard in
      let answer = try await dashboard.get("/", as: nil)
      #expect(answer.status == .seeOther)
      #expect(answer.headers[.location] == "/login")
      #expect(try await dashboard.get("/api/v1/overview", as: nil).status == .unauthorized)
      #expect(try await dashboard.get("/", as: nil, [.cookie: "broken"]).status == .serviceUnavailable)
      let page = try await dashboard.get("/", as: nil, [.cookie: "carla"])
      #expect(String(buffer: page.body).contains("<span>carla</span>"))
    }
    let foreign = DashboardAuthenticator { (_: Request, _: OtherContext) in DashboardIdentity("x", role: .act) }
    try await DashboardFixture.with(authenticator: foreign) { dashboard in
      let answer = try await dashboard.get("/", as: nil)
      #expect(answer.status == .unauthorized)
    }
  }

  private struct OtherContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
  }

  @Test("Hosts that are not named are not answered, where some are")
  func hosts() async throws {
    for (hosts, status) in [(["LocalHost"], HTTPResponse.Status.ok), (["ops.example"], .misdirectedRequest)] {
      try await DashboardFixture.with(.with { $0.hosts = hosts }) { dashboard in
        for path in ["/", "/assets/\(DashboardAsset.style.name)"] {
          let answer = try await dashboard.get(path)
          #expect(answer.status == status)
        }
      }
    }
  }

  private final class Counter: Sendable {
    let count = Mutex(0)
  }

  @Test("A flood is answered with 503 and when to come again, and does not wait")
  func flood() async throws {
    let gate = InFlightGate(limit: 2)
    let inside = Counter()
    let (stream, go) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 1...2 {
        group.addTask {
          try await gate.pass {
            inside.count.withLock { $0 += 1 }
            for await _ in stream { break }
          }
        }
      }
      while inside.count.withLock({ $0 }) < 2 { await Task.yield() }
      await #expect(throws: Refusal.busy) { try await gate.pass {} }
      go.finish()
      try await group.waitForAll()
    }
    try await gate.pass {}
    try await DashboardFixture.with(.with { $0.maxInFlight = 1 }) { dashboard in
      // Warm, so that the password's derivation is no part of it.
      _ = try await dashboard.get("/")
      let answers = try await withThrowingTaskGroup(of: TestResponse.self) { group in
        for _ in 1...100 { group.addTask { try await dashboard.get("/tasks") } }
        return try await group.reduce(into: [TestResponse]()) { $0.append($1) }
      }
      #expect(answers.allSatisfy { [.ok, .serviceUnavailable].contains($0.status) })
      let busy = answers.filter { $0.status == .serviceUnavailable }
      #expect(busy.allSatisfy { $0.headers[.retryAfter] == "1" })
      #expect(answers.contains { $0.status == .ok })
      #expect(try await dashboard.get("/").status == .ok)
    }
  }

  @Test("However many unknown visitors try passwords, the app's own threads go on")
  func derivations() async throws {
    // More than there are threads for Swift's tasks: each waits until the test, on one of these, says so.
    let count = 2 * ProcessInfo.processInfo.activeProcessorCount + 2
    let begun = Counter()
    let goOn = DispatchSemaphore(value: 0)
    let header = "Basic \(Data("eve:guess".utf8).base64EncodedString())"
    let wereFree = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 1...count {
        group.addTask {
          let free = Counter()
          let check = PasswordCheck([]) { _, _ in
            begun.count.withLock { $0 += 1 }
            if goOn.wait(timeout: .now() + 20) == .success { free.count.withLock { $0 += 1 } }
            return false
          }
          let identity = try await check.identity(header)
          #expect(identity == nil)
          return free.count.withLock { $0 } == 1
        }
      }
      while begun.count.withLock({ $0 }) < count { await Task.yield() }
      for _ in 1...count { goOn.signal() }
      return try await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(wereFree == Array(repeating: true, count: count))
  }

  @Test("A body that never comes to its end is refused, and keeps no place of the gate", .timeLimit(.minutes(1)))
  func slowBodies() async throws {
    let dashboard = TaskDashboard(
      client: TaskClient(store: InMemoryTaskStore()),
      authenticator: .everybody(as: DashboardIdentity("you", role: .act)),
      configuration: .with { $0.maxInFlight = 1 },
      maxBodyTime: .milliseconds(50)
    )
    let responder = dashboard.router().buildResponder()
    for (path, type) in [("/act", "application/x-www-form-urlencoded"), ("/api/v1/actions", "application/json")] {
      let (body, source) = RequestBody.makeStream()
      await source.yield(ByteBuffer(string: "{"))
      let head = HTTPRequest(
        method: .post,
        scheme: nil,
        authority: "localhost",
        path: path,
        headerFields: [.contentType: type]
      )
      let context = BasicRequestContext(source: Self.source)
      let answer = try await responder.respond(to: Request(head: head, body: body), context: context)
      #expect(answer.status == .requestTimeout)
      let next = HTTPRequest(method: .get, scheme: nil, authority: "localhost", path: "/tasks")
      let page = Request(head: next, body: RequestBody(buffer: ByteBuffer()))
      #expect(try await responder.respond(to: page, context: context).status == .ok)
      source.finish()
    }
  }

  private static var source: ApplicationRequestContextSource {
    .init(channel: EmbeddedChannel(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test("A body that is too large is refused before it is read to its end")
  func largeBodies() async throws {
    try await DashboardFixture.with { dashboard in
      let token = try await dashboard.token()
      let long = String(repeating: "x", count: 70_000)
      #expect(try await dashboard.act(["verb": "cancel", "why": long], token: token).status == .contentTooLarge)
      #expect(try await dashboard.post("{\"verb\": \"\(long)\"}").status == .contentTooLarge)
    }
  }

  @Test("Each answer forbids frames, foreign scripts, sniffing and copies; assets may be kept for ever")
  func headers() async throws {
    try await DashboardFixture.with { dashboard in
      for path in ["/", "/tasks", "/nowhere", "/api/v1/overview", "/assets/none.css"] {
        let headers = try await dashboard.get(path).headers
        let policy = try #require(HTTPField.Name("Content-Security-Policy").flatMap { headers[$0] })
        #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe"))
        #expect(HTTPField.Name("X-Content-Type-Options").flatMap { headers[$0] } == "nosniff")
        #expect(headers[.cacheControl] == "no-store")
      }
      let page = try await dashboard.page("/")
      for asset in [DashboardAsset.style, .script, .icon] {
        #expect(page.contains("/ops/queue/assets/\(asset.name)"))
        let answer = try await dashboard.get("/assets/\(asset.name)", as: nil)
        #expect(answer.status == .ok)
        #expect(answer.headers[.cacheControl]?.contains("immutable") == true)
      }
      #expect(!page.contains("style=") && !page.contains("<script>") && page.firstMatch(of: /\son[a-z]+="/) == nil)
    }
  }

  @Test("Paths cannot leave the dashboard, and a way back leads nowhere else")
  func paths() async throws {
    try await DashboardFixture.with { dashboard in
      for path in [
        "/tasks/..", "/tasks/%2e%2e%2f", "/tasks/1%00", "/tasks/01", "/tasks/-0", "/tasks/-7", "/tasks/%ff",
        "/tasks/9999999999999999999", "//", "/assets/../act", "/assets/%2e%2e/x", "/tasks/1/2/3",
      ] {
        let answer = try await dashboard.get(path)
        #expect([.notFound, .ok].contains(answer.status), "\(path)")
        #expect(answer.status == .notFound || path == "//")
      }
      #expect(try await dashboard.get("/act").status == .methodNotAllowed)
      #expect(try await dashboard.get("/tasks", method: .post).status == .methodNotAllowed)
      #expect(try await dashboard.get("/nowhere", method: .post).status == .notFound)
      for method in [HTTPRequest.Method.put, .patch, .delete, .options, .trace] {
        for (path, methods) in [
          ("/tasks", "GET, HEAD"), ("/act", "POST"), ("/api/v1/overview", "GET, HEAD"),
          ("/api/v1/actions", "GET, HEAD, POST"),
          ("/assets/\(DashboardAsset.style.name)", "GET, HEAD"),
        ] {
          let answer = try await dashboard.get(path, method: method)
          #expect(answer.status == .methodNotAllowed && answer.headers[.allow] == methods, "\(method) \(path)")
        }
        #expect(try await dashboard.get("/nowhere", method: method).status == .notFound)
      }
      let double = try await dashboard.http.execute(
        uri: "//ops//queue//tasks",
        method: .get,
        headers: [.authorization: DashboardFixture.header("ann")]
      )
      #expect(!String(buffer: double.body).contains("\"//"))
    }
    let report = ActionReport(.pauseQueue)
    for back in [
      "https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x", "evil", "/tasks#x", "",
    ] {
      #expect(DashboardResponder.back(back, report) == "/?said=pause_queue.done")
    }
    #expect(DashboardResponder.back("/queue?name=a%20b&said=old", report) == "/queue?name=a%20b&said=pause_queue.done")
    #expect(DashboardResponder.split("//evil.example///tasks/", below: 1).base == "/evil.example")
  }

  @Test("Nobody can put words into a page by its address")
  func sayings() async throws {
    try await DashboardFixture.with { dashboard in
      #expect(try await dashboard.page("/?said=redrive.done&n=12").contains("Live again: 12."))
      let page = try await dashboard.page("/?said=You+are+hacked&n=%3Cb%3E")
      #expect(!page.contains("hacked"))
    }
  }

  @Test("A password is kept as a salted hash that can be stored")
  func passwords() throws {
    let hash = DashboardUser.hash("secret")
    #expect(hash.hasPrefix("pbkdf2-sha256$210000$"))
    #expect(hash != DashboardUser.hash("secret"))
    let stored = try #require(PasswordHash(hash))
    #expect(stored.matches("secret") && !stored.matches("Secret"))
    for text in ["", "secret", "pbkdf2-sha256$0$AA==$AA==", "md5$1$AA==$AA=="] {
      #expect(DashboardUser("x", passwordHash: text, role: .read) == nil)
    }
    // RFC 7914, section 11: the first 32 bytes.
    let known = try #require(
      PasswordHash(
        "pbkdf2-sha256$1$\(Data("salt".utf8).base64EncodedString())$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLw="
      )
    )
    #expect(known.matches("passwd"))
  }
}
