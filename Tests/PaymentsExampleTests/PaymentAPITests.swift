import Foundation
import HTTPTypes
import NIOHTTP1
import TaskQueueHTTP
import TaskQueuePostgres
import Testing

@testable import PaymentsExample

@Suite("The HTTP API")
struct PaymentAPITests {
  @Test("The document names every operation, and each answers what it says")
  func walksTheDocument() async throws {
    try await PaymentsFixture.with { fixture in
      let payment = try await fixture.finals(try await fixture.create(1))[0]
      let document = try await fixture.send(.GET, "/openapi.json").json(JSONTree.self)
      #expect(document["openapi"] == "3.1.0")
      guard case .object(let paths)? = document["paths"] else {
        Issue.record("The document has no paths.")
        return
      }
      var called: Set<String> = []
      for (path, item) in paths {
        guard case .object(let methods) = item else { continue }
        for (method, operation) in methods {
          let answer = try await call(fixture, method.uppercased(), path, operation, payment)
          let response = operation["responses"]?[String(answer.status)]
          #expect(response != nil, "\(method) \(path) answered \(answer.status), which isn't documented")
          #expect(answer.status < 500, "\(method) \(path)")
          let media = answer.headers.first(name: "Content-Type")?.prefix { $0 != ";" }
          if let media { #expect(response?["content"]?[String(media)] != nil, "\(method) \(path): \(media)") }
          if case .text(let id)? = operation["operationId"] { called.insert(id) }
        }
      }
      #expect(called == Set(fixture.app.api().operations.map(\.id)))
    }
  }

  /// Calls an operation as its part of the document says, with the example it gives.
  private func call(
    _ fixture: PaymentsFixture,
    _ method: String,
    _ path: String,
    _ operation: JSONTree,
    _ payment: Payment
  ) async throws -> PaymentsFixture.Answer {
    var headers: [String: String] = [:]
    if case .array(let parameters)? = operation["parameters"] {
      for parameter in parameters where parameter["in"] == "header" && parameter["required"] == true {
        if case .text(let name)? = parameter["name"] { headers[name] = "value-\(UUID().uuidString)" }
      }
    }
    var body: String?
    if let example = operation["requestBody"]?["content"]?["application/json"]?["example"] {
      headers["Content-Type"] = "application/json"
      body = String(decoding: try JSONFormat.encoder().encode(example), as: UTF8.self)
    }
    let path = path.replacing("{id}", with: payment.id.description)
    return try await fixture.send(HTTPMethod(rawValue: method), path, headers: headers, body: body)
  }

  @Test("Every path answers 405 with Allow for other methods, and HEAD as GET without a body")
  func methods() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      for operation in fixture.app.api().operations {
        let answer = try await fixture.send(.PATCH, operation.path.replacing("{id}", with: "1"))
        #expect(answer.problem == .methodNotAllowed)
        #expect(answer.headers.first(name: "Allow")?.contains(operation.method.rawValue) == true)
      }
      let head = try await fixture.send(.HEAD, "/doc")
      let get = try await fixture.send(.GET, "/doc")
      #expect(head.status == 200)
      #expect(head.body.isEmpty)
      #expect(head.headers.first(name: "Content-Length") == String(get.body.count))
    }
  }

  @Test("Every error is a problem with its own type")
  func problems() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let problem1 = try await fixture.send(.GET, "/nowhere").problem
      #expect(problem1 == .notFound)
      for path in [
        "/payments/1", "/payments/\(UUID())", "/payments/x", "/payments/99999999999999999999", "/payments/%ff",
        "/payments/",
      ] {
        let problem2 = try await fixture.send(.GET, path).problem
        #expect(problem2 == .notFound, "\(path)")
      }
      for query in [
        "limit=0", "limit=101", "limit=x", "cursor=x", "createdSince=now", "state=DONE", "status=", "a=%zz",
      ] {
        let problem3 = try await fixture.send(.GET, "/payments?\(query)").problem
        #expect(problem3 == .malformedRequest, "\(query)")
      }
      for (query, name) in [
        ("state=DONE", "state"), ("limit=0", "limit"), ("stopped=maybe", "stopped"), ("a%00=1", "a"),
      ] {
        let detail = try await fixture.send(.GET, "/payments?\(query)").json(Problem.self).detail
        #expect(detail?.contains(name) == true, "\(query): \(detail ?? "")")
      }
      let problem4 = try await fixture.send(.GET, "/payments?limit=1&limit=2").problem
      #expect(problem4 == .malformedRequest)
      let huge = #"{"userId":"\#(String(repeating: "x", count: 70_000))"}"#
      let problem5 = try await fixture.post("/payments", huge, key: "k").problem
      #expect(problem5 == .bodyTooLarge)
      let text = ["Content-Type": "text/plain", "Idempotency-Key": "k"]
      let problem6 = try await fixture.send(.POST, "/payments", headers: text, body: "{}").problem
      #expect(problem6 == .notJSON)
      for body in ["", "{", "nul", "{\"userId\":}", "\u{FEFF}{", "{\"amount\":1e999}"] {
        let problem7 = try await fixture.post("/payments", body, key: "k").problem
        #expect(problem7 == .malformedRequest, "\(body)")
      }
      for body in ["[]", "1", "null"] {
        let problem8 = try await fixture.post("/payments", body, key: "k").problem
        #expect(problem8 == .invalidFields, "\(body)")
      }
    }
  }

  @Test(
    "A body that breaks a rule is answered with the field",
    arguments: [
      (#"{"amount":1,"currency":"EUR"}"#, "/userId"), (#"{"userId":"","amount":1,"currency":"EUR"}"#, "/userId"),
      (#"{"userId":1.5,"amount":1,"currency":"EUR"}"#, "/userId"),
      (#"{"userId":"u\u0000","amount":1,"currency":"EUR"}"#, "/userId"),
      (#"{"userId":"u","amount":0,"currency":"EUR"}"#, "/amount"),
      (#"{"userId":"u","amount":1.5,"currency":"EUR"}"#, "/amount"),
      (#"{"userId":"u","amount":"1","currency":"EUR"}"#, "/amount"),
      (#"{"userId":"u","amount":1000000000000000,"currency":"EUR"}"#, "/amount"),
      (#"{"userId":"u","amount":1,"currency":"eur"}"#, "/currency"),
      (#"{"userId":"u","amount":1,"currency":"XXX"}"#, "/currency"),
      (#"{"userId":"u","amount":1,"currency":"EUR","orderId":[]}"#, "/orderId"),
      (#"{"userId":"u","amount":1,"currency":"EUR","status":"DONE"}"#, "/status"),
      (#"{"userId":"u","amount":1,"currency":"EUR","a/b~c":1}"#, "/a~1b~0c"),
    ]
  )
  func fields(body: String, pointer: String) throws {
    guard case .object(let fields) = try JSONFormat.decoder().decode(JSONTree.self, from: Data(body.utf8)) else {
      return
    }
    let error = #expect(throws: ProblemError.self) { try NewPayment(BodyFields(fields)) }
    #expect(error?.errors?.map(\.pointer) == [pointer])
  }

  @Test("Payments are listed newest first, in pages that neither skip nor repeat, and by filters")
  func lists() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payments = try await fixture.create(7)
      try await fixture.apply(.cancellationWanted, to: payments[2])
      var seen: [PaymentID] = []
      var path = "/payments?limit=3"
      while true {
        let page = try await fixture.send(.GET, path).json(PaymentPage.self)
        seen += page.payments.map(\.id)
        // Comes after the page was read, and belongs to no page.
        _ = try await fixture.post("/payments", PaymentsFixture.body, key: "late-\(seen.count)")
        guard let next = page.next else { break }
        path = "/payments?limit=3&cursor=\(next)"
      }
      #expect(seen == payments.map(\.id).reversed())
      func ids(_ query: String) async throws -> [PaymentID] {
        try await fixture.send(.GET, "/payments?\(query)").json(PaymentPage.self).payments.map(\.id)
      }
      #expect(try await ids("status=CANCELLED") == [payments[2].id])
      #expect(try await ids("userId=user-5&status=CREATED") == [payments[4].id])
      #expect(try await ids("orderId=none").isEmpty)
      #expect(try await ids("createdUntil=2020-01-01T00:00:00Z").isEmpty)
      let since = RFC3339.text(payments[6].createdAt.addingTimeInterval(0.001))
      #expect(try await ids("createdSince=\(since)&userId=user-1").isEmpty)
    }
  }

  @Test("The documentation is one page that loads nothing, and names every operation and problem")
  func documentation() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let page = String(decoding: try await fixture.send(.GET, "/doc").body, as: UTF8.self)
      for operation in fixture.app.api().operations { #expect(page.contains("id=\"\(operation.id)\"")) }
      for kind in ProblemKind.allCases { #expect(page.contains("id=\"\(kind.name)\"")) }
      // Each field of each body and answer, with its type.
      for field in ["idempotencyKey", "executionRounds", "nextAttemptAt", "disputes", "pointer", "idempotent_key"] {
        #expect(page.contains("<code>\(field)</code>"), "\(field)")
      }
      #expect(page.contains("1 to 999999999999999"))
      #expect(page.utf8.count < 100_000)
      for outside in ["src=", "http://", "https://", "<script"] { #expect(!page.contains(outside)) }
    }
  }

  @Test("Health and metrics are there")
  func health() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      #expect(try await fixture.send(.GET, "/health/live").status == 200)
      #expect(try await fixture.send(.GET, "/health/ready").status == 200)
      _ = try await fixture.create(2)
      let metrics = String(decoding: try await fixture.send(.GET, "/metrics").body, as: UTF8.self)
      #expect(metrics.contains("\npayments_open 2\n"))
      #expect(metrics.contains(#"http_requests_total{operation="createPayment",status="202"} 2"#))
    }
  }

  @Test("Over the backlog's limit new payments get 429 with Retry-After, repetitions their answer")
  func backlog() async throws {
    let settings = PaymentsFixture.settings { $0.backlogLimit = 3 }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      let payments = try await fixture.create(3)
      let refused = try await fixture.post("/payments", PaymentsFixture.body, key: "one too many")
      #expect(refused.status == 400)
      let full = try await fixture.post("/payments", PaymentsFixture.body, key: "one-too-many")
      #expect(full.problem == .backlogFull)
      #expect(full.headers.first(name: "Retry-After").flatMap(Int.init) != nil)
      let again = try await fixture.client.create(PaymentsFixture.newPayment(1), idempotencyKey: "fixture-1")
      #expect(again.id == payments[0].id)
      try await fixture.apply(.cancellationWanted, to: payments[0])
      var accepted = false
      while !accepted {
        accepted = try await fixture.post("/payments", PaymentsFixture.body, key: "one-too-many").status == 202
      }
      #expect(try await PaymentStore.list(after: nil, limit: 10, in: fixture.store.pool).count == 4)
    }
  }

  @Test("A burst doesn't run over the backlog's limit")
  func burst() async throws {
    let settings = PaymentsFixture.settings { $0.backlogLimit = 10 }
    try await PaymentsFixture.with(works: false, settings: settings) { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 1...100 {
          group.addTask {
            let answer = try await fixture.post("/payments", PaymentsFixture.body, key: "burst-\(number)")
            #expect(answer.status == 202 || answer.problem == .backlogFull)
          }
        }
        try await group.waitForAll()
      }
      // Fewer if several counted at the same time: then a request is refused rather than one too many accepted.
      let count = try await PaymentStore.list(after: nil, limit: 1000, in: fixture.store.pool).count
      #expect((1...10).contains(count), "\(count)")
    }
  }
}
