import Foundation
import HTTPTypes
import Libpq
import NIOHTTP1
import Synchronization
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("Who may call the API")
struct AccessTests {
  @Test("Without any key this machine may do everything; from the first key on, each request needs one of its scope")
  func scopes() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let mine = try await fixture.create(1)[0]
      let key = try await fixture.addKey("shop", [.read])
      try await eventually("the key is noticed") {
        try await fixture.send(.GET, "/payments").status == 401
      }
      for operation in fixture.app.api().operations where operation.method == .post {
        guard case .key(let scope) = operation.access else { continue }
        let path = operation.path.replacing("{id}", with: String(mine.id))
        let without = try await fixture.post(path, operation.body == nil ? nil : "{}", key: "k")
        #expect(without.problem == .missingKey, "\(path)")
        #expect(without.headers.first(name: "WWW-Authenticate") == "Bearer realm=\"payments\"")
        let with = try await fixture.send(.POST, path, headers: ["Authorization": "Bearer \(key.text)"])
        #expect(with.problem == .insufficientScope, "\(path)")
        #expect(with.headers.first(name: "WWW-Authenticate")?.contains("scope=\"\(scope)\"") == true)
      }
      for broken in ["Bearer", "Bearer x", "Basic \(key.text)", "Bearer \(APIKey().text)", "Bearer \(key.text)x"] {
        let answer = try await fixture.send(.GET, "/payments", headers: ["Authorization": broken])
        #expect(answer.problem == .unknownKey, "\(broken)")
      }
      // The id of a key that there is, with another secret.
      let other = APIKey("\(key.text.prefix(20))\(APIKey().text.dropFirst(20))")
      #expect(other?.id == key.id)
      let forged = ["Authorization": "Bearer \(other?.text ?? "")"]
      #expect(try await fixture.send(.GET, "/payments", headers: forged).problem == .unknownKey)
      let right = ["Authorization": "bearer  \(key.text)"]
      #expect(try await fixture.send(.GET, "/payments", headers: right).status == 200)
      #expect(try await fixture.send(.GET, "/metrics", headers: right).problem == .insufficientScope)
      #expect(try await fixture.send(.GET, "/health/ready").status == 200)
      #expect(try await fixture.send(.GET, "/doc").status == 200)
    }
  }

  @Test("Callers have their own keys of idempotency and their own payments; only `operate` sees all")
  func callersApart() async throws {
    try await PaymentsFixture.with { fixture in
      let (shop, rival) = (
        try await fixture.bearer("shop", [.create, .read, .refund]),
        try await fixture.bearer("rival", [.create, .read, .refund])
      )
      let ops = try await fixture.bearer("ops", [.create, .read, .refund, .operate])
      func create(_ headers: [String: String]) async throws -> Payment {
        let headers = headers.merging(
          ["Idempotency-Key": "same", "Content-Type": "application/json"],
          uniquingKeysWith: { $1 }
        )
        let answer = try await fixture.send(.POST, "/payments", headers: headers, body: PaymentsFixture.body)
        #expect(answer.status == 202)
        return try answer.json(Payment.self)
      }
      let (first, second) = (try await create(shop), try await create(rival))
      #expect(first.id != second.id)
      #expect(try await create(shop).id == first.id)
      try await eventually("both are done") {
        let page = try await fixture.send(.GET, "/payments?status=DONE", headers: ops).json(PaymentPage.self)
        return page.payments.count == 2
      }
      let path = "/payments/\(first.id)"
      #expect(try await fixture.send(.GET, path, headers: rival).problem == .notFound)
      #expect(try await fixture.send(.POST, "\(path)/cancel", headers: rival).problem == .notFound)
      #expect(try await fixture.send(.POST, "\(path)/refund", headers: rival).problem == .notFound)
      // For people who look at the provider's books; nothing stopped it.
      #expect(try await fixture.send(.POST, "\(path)/resume", headers: shop).problem == .insufficientScope)
      #expect(try await fixture.send(.POST, "\(path)/resume", headers: ops).problem == .wrongStatus)
      let shown = try await fixture.send(.GET, "/payments?limit=100", headers: ops).json(JSONTree.self)
      #expect(Set(shown.elements("payments").compactMap { $0["caller"] }.map { "\($0)" }).count == 2)
      let listed = try await fixture.send(.GET, "/payments?limit=1", headers: rival).json(PaymentPage.self)
      #expect(listed.payments.map(\.id) == [second.id])
      #expect(listed.next == nil)
      let moving = try await fixture.send(.GET, "/payments?stopped=false", headers: rival).json(PaymentPage.self)
      #expect(moving.payments.map(\.id) == [second.id])
      #expect(try await fixture.send(.POST, "\(path)/refund", headers: ops).status == 202)
      try await fixture.settle()
      let details = try await fixture.send(.GET, path, headers: shop).json(PaymentDetails.self)
      let actors = details.history.map { "\($0.kind.rawValue) \($0.actor)" }
      for line in [
        "created shop", "registered provider", "execution-requested worker", "refund-requested ops",
        "refunded provider",
      ] { #expect(actors.contains(line), "\(line): \(actors)") }
    }
  }

  @Test("A key is looked up in memory, and one that is revoked or expired stops working within the freshness")
  func staleness() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let pool = fixture.store.pool
      let now = Mutex(ContinuousClock.now)
      let directory = CallerDirectory(pool: pool, needsKeys: false, clock: { now.withLock { $0 } })
      func isLetIn(_ key: APIKey) async throws -> Bool {
        do { return try await directory.caller("Bearer \(key.text)").name == "shop" } catch is ProblemError {
          return false
        }
      }
      #expect(try await directory.caller(nil) == .local)
      let (key, brief) = (
        try await fixture.addKey("shop", [.read]),
        try await fixture.addKey("shop", [.read], lifetime: .seconds(2))
      )
      #expect(try await isLetIn(key), "the first key works at once")
      #expect(try await isLetIn(brief))
      try await eventually("it has expired") {
        try await APIKeyStore.list(in: pool).contains { $0.id == brief.id && !$0.isLive }
      }
      now.withLock { $0 += .seconds(2) }
      #expect(try await !isLetIn(brief))
      #expect(try await APIKeyStore.revoke(key.id, in: pool))
      #expect(try await isLetIn(key), "no statement for a key that is known")
      now.withLock { $0 += CallerDirectory.freshness }
      #expect(try await !isLetIn(key))
      // There has been one: nobody is let in without.
      await #expect(throws: ProblemError.self) { try await directory.caller(nil) }
      now.withLock { $0 += CallerDirectory.missInterval }
      let new = try await fixture.addKey("shop", [.create])
      #expect(try await isLetIn(new), "a new key works at once")
    }
  }

  @Test("Nothing listens beyond the loopback interface without a key")
  func exposure() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      var settings = PaymentsFixture.settings()
      try await fixture.app.checkExposure()
      settings.host = "0.0.0.0"
      let open = PaymentsApp(
        settings: settings,
        client: fixture.app.client,
        providers: .init(fixture.provider),
        logger: Log.quiet("t")
      )
      await #expect(throws: CommandError.self) { try await open.checkExposure() }
      let key = try await fixture.addKey("shop", [.read])
      try await open.checkExposure()
      // Not even after somebody deleted the keys.
      _ = try await fixture.store.pool.query("DELETE FROM payments.api_key")
      let directory = CallerDirectory(pool: fixture.store.pool, needsKeys: true)
      await #expect(throws: ProblemError.self) { try await directory.caller(nil) }
      await #expect(throws: ProblemError.self) { try await directory.caller("Bearer \(key.text)") }
    }
  }

  @Test("A key's text says which it is, and its secret has 256 bits")
  func keys() {
    let key = APIKey()
    #expect(APIKey(key.text)?.hash == key.hash)
    #expect(key.text.wholeMatch(of: /pay_[0-9a-f]{16}_[A-Za-z0-9_\-]{43}/) != nil)
    #expect(APIKey().text != key.text)
    #expect(key.fits(key.hash))
    #expect(!key.fits(APIKey().hash))
    for name in [
      "", "Shop", "a b", "provider", "worker", "inventory", "operator", "-a", String(repeating: "a", count: 64),
    ] {
      #expect(!Caller.isName(name), "\(name)")
    }
  }
}

extension PaymentsFixture {
  func addKey(_ caller: String, _ scopes: Set<CallerScope>, lifetime: Duration? = nil) async throws -> APIKey {
    let key = APIKey()
    let isAdded = try await APIKeyStore.add(
      key,
      of: Caller(name: caller, scopes: scopes),
      lifetime: lifetime,
      in: store.pool
    )
    #expect(isAdded)
    return key
  }

  /// The header of a new key.
  func bearer(_ caller: String, _ scopes: Set<CallerScope>) async throws -> [String: String] {
    ["Authorization": "Bearer \(try await addKey(caller, scopes).text)"]
  }
}
