import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("The API and hostile senders")
struct HostileSenderTests {
  @Test("A page of another site neither refunds nor cancels nor pays, by a form, a request or another name for us")
  func crossSite() async throws {
    try await PaymentsFixture.with { fixture in
      let payment = try await fixture.finals(try await fixture.create(1))[0]
      let path = "/payments/\(payment.id)"
      for type in [
        "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/jsonp",
      ] {
        for target in ["\(path)/refund", "\(path)/cancel", "/payments", "/payments/batch"] {
          let headers = ["Content-Type": type, "Idempotency-Key": "form"]
          #expect(try await fixture.send(.POST, target, headers: headers).problem == .notJSON, "\(type) \(target)")
        }
      }
      for headers in [
        ["Origin": "https://evil.example"], ["Origin": "null"], ["Origin": "http://localhost:1"],
        ["Origin": "http://127.0.0.1:1"],
        ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"],
        ["Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"],
      ] {
        #expect(try await fixture.send(.POST, "\(path)/refund", headers: headers).problem == .crossSite, "\(headers)")
      }
      for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example"] {
        for target in [path, "/payments", "/metrics", "/doc", "/nowhere"] {
          #expect(try await fixture.send(.GET, target, headers: ["Host": host]).problem == .unknownHost, "\(host)")
        }
      }
      // Who signs, names any host; who only probes, none.
      #expect(try await fixture.send(.POST, "/inventoryEvents", headers: ["Host": "a.example"]).problem != .unknownHost)
      for (path, status) in [("/health/live", 200), ("/payments", 400)] {
        let answer = try await fixture.talk(["GET \(path) HTTP/1.0\r\n\r\n"])
        #expect(answer.split(separator: " ").dropFirst().first == "\(status)", "\(answer)")
      }
      #expect(try await fixture.send(.GET, path, headers: ["Host": "a b"]).problem == .malformedRequest)
      #expect(try await fixture.client.payment(payment.id).refunds.isEmpty)
      let port = try #require(URL(string: fixture.url)?.port)
      for headers in [
        ["Host": "localhost:\(port)", "Origin": "http://localhost:\(port)", "Sec-Fetch-Site": "same-origin"],
        ["Host": "[::1]"], ["Host": "10.1.2.3:\(port)"],
      ] {
        #expect(try await fixture.send(.POST, "\(path)/refund", headers: headers).status == 202, "\(headers)")
      }
    }
  }

  @Test("Who sends too much gets 429 with Retry-After, and nobody else does")
  func limits() async throws {
    let settings = PaymentsFixture.settings { settings in
      settings.callerLimit = RateLimit(perSecond: 0.01, burst: 3)
      settings.addressLimit = RateLimit(perSecond: 0.01, burst: 5)
    }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      let (greedy, modest) = (try await fixture.bearer("greedy", [.read]), try await fixture.bearer("modest", [.read]))
      var statuses: [UInt] = []
      for _ in 1...5 { statuses.append(try await fixture.send(.GET, "/payments", headers: greedy).status) }
      #expect(statuses == [200, 200, 200, 429, 429])
      let refused = try await fixture.send(.GET, "/payments", headers: greedy)
      #expect(refused.problem == .tooManyRequests)
      #expect(refused.headers.first(name: "Retry-After").flatMap(Int.init).map { (1...100).contains($0) } == true)
      #expect(try await fixture.send(.GET, "/payments", headers: modest).status == 200)
      var guesses: [ProblemKind?] = []
      for _ in 1...6 {
        let guess = ["Authorization": "Bearer \(APIKey().text)"]
        guesses.append(try await fixture.send(.GET, "/payments", headers: guess).problem)
      }
      #expect(guesses == Array(repeating: .unknownKey, count: 5) + [.tooManyRequests])
      #expect(try await fixture.send(.GET, "/payments", headers: modest).status == 200)
      // A forged callback is counted, a signed one is not.
      #expect(try await fixture.post(callbackFor: "pp", secret: "forged") == 429)
      #expect(try await fixture.post(callbackFor: "pp") == 202)
    }
  }

  private static let head = "POST /payments HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\n"
  private static let json = "Content-Type: application/json\r\n"

  @Test(
    "Broken chunks and encodings are the sender's mistake",
    .timeLimit(.minutes(1)),
    arguments: [
      "\(json)Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
      "\(json)Transfer-Encoding: chunked\r\n\r\n2\r\n{}broken\r\n0\r\n\r\n",
      "\(json)Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
      "\(json)Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
      "\(json)Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "\(json)Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "\(json)Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
      "\(json)Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
      "\(json)Connection: close\r\nContent-Length: 2\r\n\r\n\u{FF}",
    ]
  )
  func brokenBodies(rest: String) async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let answer = try await fixture.talk([Self.head + rest])
      let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0) }
      #expect(status == 400 || status == 415, "\(answer)")
      #expect(answer.contains(Problem.mediaType), "\(answer)")
    }
  }

  @Test("A client that waits before it sends its body is told to go on", .timeLimit(.minutes(1)))
  func expectation() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let expecting = "\(Self.head)\(Self.json)Expect: 100-continue\r\nConnection: close\r\n"
      let length = PaymentsFixture.body.utf8.count
      let parts = ["\(expecting)Content-Length: \(length)\r\n\r\n", PaymentsFixture.body]
      let answer = try await fixture.talk(parts, pause: .milliseconds(300))
      #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 "), "\(answer)")
      let tooLarge = try await fixture.talk(["\(expecting)Content-Length: 100000\r\n\r\n"], pause: .milliseconds(300))
      #expect(tooLarge.hasPrefix("HTTP/1.1 413 "), "\(tooLarge)")
    }
  }

  @Test("Two hosts, and expectations that nobody knows, are refused", .timeLimit(.minutes(1)))
  func hostsAndExpectations() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let rest = "\(Self.json)Connection: close\r\nContent-Length: \(PaymentsFixture.body.utf8.count)\r\n"
      for second in ["localhost", "evil.example"] {
        let answer = try await fixture.talk(["\(Self.head)Host: \(second)\r\n\(rest)\r\n\(PaymentsFixture.body)"])
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
      }
      for expected in ["Expect: 200-ok", "Expect: 100-continue, 200-ok", "Expect: 100-continue\r\nExpect: x"] {
        let answer = try await fixture.talk(["\(Self.head)\(expected)\r\n\(rest)\r\n\(PaymentsFixture.body)"])
        #expect(answer.contains("HTTP/1.1 417 "), "\(answer)")
        #expect(answer.contains("/doc#expectation-failed"), "\(answer)")
      }
      #expect(try await PaymentStore.list(after: nil, limit: 10, in: fixture.store.pool).isEmpty)
    }
  }

  @Test("No answer is guessed at by browsers, or kept")
  func headers() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      var answers: [PaymentsFixture.Answer] = []
      for path in ["/doc", "/payments", "/metrics", "/nowhere", "/health/live"] {
        answers.append(try await fixture.send(.GET, path))
      }
      answers.append(try await fixture.post("/payments", PaymentsFixture.body, key: "k"))
      for answer in answers {
        #expect(answer.headers.first(name: "X-Content-Type-Options") == "nosniff")
        #expect(answer.headers.first(name: "Cache-Control") == "no-store")
      }
      #expect(try await fixture.talk(["no http\r\n\r\n"]).contains("nosniff"))
    }
  }

  @Test("Callbacks and numbers listen apart, and are nowhere else then")
  func listensApart() async throws {
    let settings = PaymentsFixture.settings { settings in
      settings.callbackAddress = ListenAddress()
      settings.metricsAddress = ListenAddress()
    }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      _ = try await fixture.addKey("shop", [.read])
      for path in ["/paymentProviderCallback", "/inventoryEvents"] {
        #expect(try await fixture.post(path, "{}").problem == .notFound)
      }
      #expect(try await fixture.send(.GET, "/metrics").problem == .notFound)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for server in fixture.app.furtherServers() { group.addTask { try await server.run() } }
        let callbacks = try await fixture.app.port(.provider)
        let numbers = try await fixture.app.port(.monitoring)
        func at(_ port: Int) -> PaymentsFixture {
          PaymentsFixture(
            app: fixture.app,
            simulator: fixture.simulator,
            provider: fixture.provider,
            http: fixture.http,
            url: "http://127.0.0.1:\(port)"
          )
        }
        #expect(try await at(callbacks).post(callbackFor: "pp") == 202)
        for path in ["/payments", "/metrics", "/doc"] {
          #expect(try await at(callbacks).send(.GET, path).problem == .notFound, "\(path)")
        }
        #expect(try await at(numbers).send(.GET, "/metrics").status == 200)
        #expect(try await at(numbers).send(.GET, "/payments").problem == .notFound)
        #expect(try await at(numbers).send(.GET, "/health/ready").status == 200)
        group.cancelAll()
        while await group.nextResult() != nil {}
      }
    }
  }

  @Test("What has money, secrets or signatures in it leaves this machine by https, or on purpose")
  func outgoing() throws {
    func check(_ url: String, _ isInsecure: Bool = false) throws {
      try OutgoingURL.check(url, option: "--provider-url", isInsecure: isInsecure)
    }
    for url in ["https://pay.example/v1", "http://127.0.0.1:8090", "http://localhost", "http://[::1]:1/x"] {
      try check(url)
    }
    for url in [
      "http://pay.example", "HTTP://10.0.0.1:80", "http://127.0.0.1.evil.example", "http://localhost@evil.example/",
    ] {
      #expect(throws: CommandError.self, "\(url)") { try check(url) }
      try check(url, true)
    }
    for url in ["", "pay.example", "ftp://pay.example", "file:///etc/passwd", "https://", "unix:/x"] {
      #expect(throws: CommandError.self, "\(url)") { try check(url, true) }
    }
  }
}
