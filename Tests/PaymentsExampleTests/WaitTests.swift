import HTTPTypes
import Libpq
import NIOHTTP1
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("Waiting for a result")
struct WaitTests {
  private static func headers(_ seconds: Int, key: String? = nil) -> [String: String] {
    var headers = ["Prefer": "wait=\(seconds)", "Content-Type": "application/json"]
    headers["Idempotency-Key"] = key
    return headers
  }

  private static func create(_ fixture: PaymentsFixture, _ seconds: Int, key: String = "k") async throws
    -> PaymentsFixture.Answer
  {
    try await fixture.send(.POST, "/payments", headers: headers(seconds, key: key), body: PaymentsFixture.body)
  }

  @Test("Who prefers to wait gets the final payment, also by a repetition and by its id", .timeLimit(.minutes(2)))
  func results() async throws {
    try await PaymentsFixture.with { fixture in
      let first = try await Self.create(fixture, 60)
      let payment = try first.json(Payment.self)
      #expect(first.status == 201)
      #expect(payment.status == .done)
      #expect(first.headers.first(name: "Preference-Applied") == "wait=30", "the cap")
      #expect(first.headers.first(name: "Location") == "/payments/\(payment.id)")
      #expect(first.headers.first(name: "Idempotency-Replayed") == nil)
      let again = try await Self.create(fixture, 10)
      #expect(again.status == 201)
      #expect(try again.json(Payment.self).status == .done)
      #expect(again.headers.first(name: "Idempotency-Replayed") == "true")
      // Who repeats it without waiting gets what was answered then.
      let hasty = try await fixture.post("/payments", PaymentsFixture.body, key: "k")
      #expect(hasty.status == 201)
      #expect(try hasty.json(Payment.self).status == .done)
      #expect(hasty.headers.first(name: "Idempotency-Replayed") == "true")
      #expect(hasty.headers.first(name: "Preference-Applied") == nil)
      let item = #"{"payments":[{"idempotencyKey":"k",\#(PaymentsFixture.body.dropFirst())]}"#
      let batch = try await fixture.post("/payments/batch", item).json(BatchTests.Answers.self).answers
      #expect(batch.map(\.status) == [201])
      #expect(batch.first?.payment?.status == .done)
      let other = try await fixture.post("/payments", PaymentsFixture.body, key: "other").json(Payment.self)
      let shown = try await fixture.send(.GET, "/payments/\(other.id)", headers: Self.headers(20))
      #expect(shown.status == 200)
      #expect(try shown.json(PaymentDetails.self).payment.status == .done)
      #expect(shown.headers.first(name: "Preference-Applied") == "wait=20")
      let nobody = try await fixture.send(
        .GET,
        "/payments/\(payment.id.description.dropLast(4))0000",
        headers: Self.headers(20)
      )
      #expect(nobody.problem == .notFound)
      #expect(fixture.app.api().waits.count == 0)
    }
  }

  @Test("When the time is over the answer is what it would have been at once", .timeLimit(.minutes(2)))
  func timeIsOver() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let start = ContinuousClock.now
      let answer = try await Self.create(fixture, 1)
      let time = ContinuousClock.now - start
      #expect(time >= .seconds(1) && time < .seconds(20), "\(time)")
      #expect(answer.status == 202)
      #expect(try answer.json(Payment.self).status == .created)
      #expect(answer.headers.first(name: "Preference-Applied") == "wait=1")
    }
  }

  @Test("A payment that is stopped is waited for no longer, and the answer says why", .timeLimit(.minutes(2)))
  func stopped() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let waits = fixture.app.api().waits
      let start = ContinuousClock.now
      try await withThrowingTaskGroup(of: PaymentsFixture.Answer.self) { group in
        group.addTask { try await Self.create(fixture, 30) }
        try await eventually("it waits") { waits.count == 1 }
        let payment = try #require(try await PaymentStore.list(after: nil, limit: 1, in: fixture.store.pool).first)
        try await fixture.apply(.stopped(reason: "another amount"), to: payment)
        let answer = try #require(try await group.next())
        #expect(answer.status == 202)
        #expect(try answer.json(Payment.self).stopReason == "another amount")
        let shown = try await fixture.send(.GET, "/payments/\(payment.id)", headers: Self.headers(30))
        #expect(try shown.json(PaymentDetails.self).payment.stopReason == "another amount")
      }
      #expect(ContinuousClock.now - start < .seconds(20))
    }
  }

  @Test("Many wait, and the database has its connections for others", .timeLimit(.minutes(3)))
  func manyWait() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let waits = fixture.app.api().waits
      let payment = try await fixture.create(1)[0]
      try await withThrowingTaskGroup(of: UInt.self) { group in
        for _ in 1...300 {
          group.addTask { try await fixture.send(.GET, "/payments/\(payment.id)", headers: Self.headers(30)).status }
        }
        try await eventually("all wait") { waits.count == 300 }
        // More at one time than the pool has connections.
        let pool = fixture.store.pool
        try await pool.withTransaction { _ in try await Task.sleep(for: .milliseconds(300)) }
        #expect(try await fixture.post("/payments", PaymentsFixture.body, key: "meanwhile").status == 202)
        let backends = try await pool.query(
          "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"
        )
        #expect(try backends[0].int8(0) <= 2, "nobody who waits has a connection")
        try await fixture.apply(.cancellationWanted, to: payment)
        for try await status in group { #expect(status == 200) }
      }
      #expect(waits.count == 0)
    }
  }

  @Test("A wait ends when the client goes away, and when the server shuts down", .timeLimit(.minutes(2)))
  func ends() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let waits = fixture.app.api().waits
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try? await Self.create(fixture, 30, key: "gone") }
        try await eventually("it waits") { waits.count == 1 }
        group.cancelAll()
        try await group.waitForAll()
      }
      let start = ContinuousClock.now
      try await eventually("the wait has ended") { waits.count == 0 }
      #expect(ContinuousClock.now - start < .seconds(15))
      let app = PaymentsApp(
        settings: PaymentsFixture.settings { $0.maxWaiters = 1 },
        client: fixture.app.client,
        providers: .init(fixture.provider),
        logger: Log.quiet("test")
      )
      try await withThrowingTaskGroup(of: PaymentsFixture.Answer.self) { group in
        let stopping = ContinuousClock.now
        try await app.server().whileRunning {
          let other = PaymentsFixture(
            app: app,
            simulator: fixture.simulator,
            provider: fixture.provider,
            http: fixture.http,
            url: "http://127.0.0.1:\(try await app.port())"
          )
          group.addTask { try await Self.create(other, 30, key: "down") }
          try await eventually("it waits") { app.api().waits.count == 1 }
          let oneTooMany = try await Self.create(other, 30, key: "more")
          #expect(oneTooMany.status == 202)
          #expect(oneTooMany.headers.first(name: "Preference-Applied") == nil)
        }
        #expect(ContinuousClock.now - stopping < .seconds(20))
        #expect(try await group.next()?.status == 202)
      }
    }
  }

  @Test(
    "Preferences are read as RFC 7240 has them",
    arguments: [
      ("wait=10", 10), ("WAIT = 10", 10), ("respond-async, wait=\"7\"; x=y", 7), ("wait=0", nil), ("wait=-1", nil),
      ("wait=x", nil),
      ("wait", nil), ("wait=", nil), ("", nil), ("waiting=10", nil), ("wait=99999999999999999999", 30),
      ("wait=2, wait=3", 2),
    ]
  )
  func preferences(text: String, seconds: Int?) throws {
    let name = try #require(HTTPField.Name("Prefer"))
    #expect(PaymentAPI.preferredWait([name: text]) == seconds)
  }
}
