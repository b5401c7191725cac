import AsyncHTTPClient
import Foundation
import Libpq
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
@_spi(Store) import TaskQueue
import TaskQueueHTTP
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit

@testable import PaymentsExample
@testable import PaymentsLab

/// One serve process's parts and a simulated provider over real HTTP, on a real database.
struct PaymentsFixture: Sendable {
  let app: PaymentsApp
  let simulator: ProviderSimulator
  let provider: ProviderClient
  let http: HTTPClient
  let url: String

  var store: PostgresTaskStore { app.client.store }
  static let secret = "a secret of tests"

  var client: PaymentsClient { PaymentsClient(client: http, baseURL: url) }

  /// Requests under way at one time.
  static let concurrency = 500

  /// Starts everything on a database of its own, runs `body`, stops everything.
  ///
  /// - Parameters:
  ///   - other: whose provider is used, which calls back there; nil: one of its own.
  ///   - works: whether a worker runs; else tasks stay where they are.
  static func with(
    _ faults: ProviderFaults = .none,
    seed: UInt64 = 1,
    sharing other: PaymentsFixture? = nil,
    works: Bool = true,
    settings: PaymentsApp.Settings = settings(),
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    try await withTestDatabase { database in
      try await HTTPClient.withHTTPClient(configuration: .connections(concurrency)) { http in
        let store = try PostgresTaskStore(.init(database.postgresConfiguration))
        do {
          if let other {
            try await run(other.simulator, other.provider.caller.baseURL, works, settings, store, http, body)
          } else {
            try await run(faults, seed, works, settings, store, http, body)
          }
        } catch {
          await store.close()
          throw error
        }
        await store.close()
      }
    }
  }

  private static func run(
    _ faults: ProviderFaults,
    _ seed: UInt64,
    _ works: Bool,
    _ settings: PaymentsApp.Settings,
    _ store: PostgresTaskStore,
    _ http: HTTPClient,
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    let quiet = Log.quiet("test")
    let simulator = ProviderSimulator(
      faults: faults,
      seed: seed,
      secret: Self.secret,
      callbacks: CallbackSender(client: http, logger: quiet),
      logger: quiet
    )
    try await simulator.whileRunning {
      let url = "http://127.0.0.1:\(try await simulator.port())"
      try await run(simulator, url, works, settings, store, http) { fixture in
        simulator.callBack(to: "\(fixture.url)/paymentProviderCallback")
        try await body(fixture)
      }
    }
  }

  private static func run(
    _ simulator: ProviderSimulator,
    _ providerURL: String,
    _ works: Bool,
    _ settings: PaymentsApp.Settings,
    _ store: PostgresTaskStore,
    _ http: HTTPClient,
    _ body: (PaymentsFixture) async throws -> Void
  ) async throws {
    let client = TaskClient(store: store)
    let provider = ProviderClient(
      client: http,
      baseURL: providerURL,
      namespace: try await PaymentsApp.migrate(client),
      timeout: .milliseconds(500)
    )
    let app = PaymentsApp(settings: settings, client: client, providers: .init(provider), logger: Log.quiet("test"))
    try await app.migrate()
    try await app.server().whileRunning {
      let url = "http://127.0.0.1:\(try await app.port())"
      let fixture = PaymentsFixture(app: app, simulator: simulator, provider: provider, http: http, url: url)
      if works { try await fixture.work(body) } else { try await body(fixture) }
    }
  }

  /// Runs a worker beside `body`, and a publisher if events are published.
  func work(_ body: (PaymentsFixture) async throws -> Void) async throws {
    let (worker, publisher) = (try app.worker(), try app.publisher())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      if let publisher { group.addTask { try await publisher.run() } }
      let result: Result<Void, any Error>
      do {
        result = .success(try await body(self))
      } catch {
        result = .failure(error)
      }
      group.cancelAll()
      while await group.nextResult() != nil {}
      try result.get()
    }
  }

  /// Runs a worker that pays with this provider beside `body`.
  func work(
    with provider: any PaymentProvider,
    logger: Logger = Log.quiet("test"),
    _ body: () async throws -> Void
  ) async throws {
    let app = PaymentsApp(settings: app.settings, client: app.client, providers: .init(provider), logger: logger)
    try await app.worker().whileRunning(body)
  }

  /// Fast retries, and callbacks signed with ``secret``.
  static func settings(_ change: (inout PaymentsApp.Settings) -> Void = { _ in }) -> PaymentsApp.Settings {
    var settings = PaymentsApp.Settings(
      baseRetry: .milliseconds(20),
      maxRetry: .milliseconds(200),
      lease: .seconds(2),
      callbackSecrets: [PaymentProviders.defaultName: [secret]]
    )
    change(&settings)
    return settings
  }

  func create(_ count: Int) async throws -> [Payment] {
    var payments: [Payment] = []
    for number in 1...count {
      payments.append(try await client.create(Self.newPayment(number), idempotencyKey: "fixture-\(number)"))
    }
    return payments
  }

  static func newPayment(_ number: Int = 1) -> NewPayment {
    NewPayment(userId: "user-\(number)", amount: 1250, currency: "EUR", description: "Test \(number)")
  }

  /// Polls until all are final; gives up after the limit, with what it saw last.
  func finals(_ payments: [Payment], atMost limit: Duration = .seconds(30)) async throws -> [Payment] {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while true {
      var seen: [Payment] = []
      for payment in payments { seen.append(try await client.payment(payment.id).payment) }
      if seen.allSatisfy(\.status.isFinal) || clock.now > deadline { return seen }
      try await clock.sleep(for: .milliseconds(20))
    }
  }

  /// Waits until no task is left.
  func settle() async throws {
    try await eventually("all tasks are done") { try await store.tasks(after: nil, limit: 1).isEmpty }
  }

  func executions(_ payment: Payment) -> Int {
    simulator.ledger.executions(reference: payment.reference)
  }

  func tasks(_ type: TaskType) async throws -> [TaskSnapshot] {
    try await store.tasks(after: nil, limit: 1000).filter { $0.type == type }
  }

  /// The live check tasks of all payments.
  func checks() async throws -> [TaskSnapshot] {
    try await tasks(CheckPayment.taskType)
  }

  /// Claims a task as a worker does.
  func claim(_ type: TaskType, lease: Duration = .seconds(60)) async throws -> ClaimedTask {
    let request = ClaimRequest(queues: [.default], types: [type], limit: 1, lease: lease, promotesDue: true)
    guard let task = try await store.exchange(settle: [], claim: request).claimed.first else {
      throw CommandError("There is no task to claim.")
    }
    return task
  }

  /// Lets something happen to a payment, as handlers do.
  func apply(_ input: PaymentInput, to payment: Payment) async throws {
    try await store.pool.withTransaction { transaction in
      _ = try await PaymentStore.apply(input, to: payment.id, in: transaction)
    }
  }

  func post(
    callbackFor providerId: String,
    eventId: String = "e1",
    secret: String = secret,
    at time: Date = Date(),
    path: String = PaymentAPI.callbackPath
  ) async throws -> UInt {
    let body = #"{"eventId":"\#(eventId)","paymentProviderId":"\#(providerId)","status":"DONE"}"#
    let signature = CallbackSignature(secrets: [secret]).sign(Data(body.utf8), at: time)
    return try await send(
      .POST,
      path,
      headers: ["Content-Type": "application/json", ProviderCallback.signatureHeader: signature],
      body: body
    ).status
  }
}
