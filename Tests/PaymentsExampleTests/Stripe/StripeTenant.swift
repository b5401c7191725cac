import AsyncHTTPClient
import ChildProcesses
import Foundation
import Libpq
import TaskQueuePostgres
import TaskQueueTestKit

@testable import PaymentsExample
@testable import PaymentsLab

/// A database of its own and the `payments serve` process on it, which pays with Stripe, and is killed and started anew as it is told.
actor StripeTenant {
  nonisolated let store: PostgresTaskStore
  private let database: String
  private let client: HTTPClient
  private let stripeURL: String
  /// nil: it is dead, and about to be started.
  private var process: WorkerProcess?
  private(set) var deaths = 0

  private static let environment = [StripeKey.variable: StripeFixture.key]

  private init(_ database: TestDatabase, _ stripeURL: String, _ client: HTTPClient) throws {
    store = try PostgresTaskStore(.init(database.postgresConfiguration))
    self.database = database.connectionString
    self.client = client
    self.stripeURL = stripeURL
  }

  static func with(_ stripeURL: String, _ client: HTTPClient, _ body: (StripeTenant) async throws -> Void) async throws
  {
    try await withTestDatabase { database in
      let tenant = try StripeTenant(database, stripeURL, client)
      let result: Result<Void, any Error>
      do {
        try await tenant.start()
        result = .success(try await body(tenant))
      } catch { result = .failure(error) }
      await tenant.stop()
      await tenant.store.close()
      try result.get()
    }
  }

  private nonisolated func options(_ stripeURL: String) -> [String] {
    [
      "--database-url", database, "--provider", "stripe", "--stripe-url", stripeURL, "--stripe-payment-method",
      "pm_card_visa",
      "--provider-timeout", "1s",
    ]
  }

  private func start() throws {
    process = try WorkerProcess(
      name: "serve",
      program: ChildCommand.built("payments"),
      arguments: ["serve", "--supervised", "--port", "0", "--log-level", "critical"] + options(stripeURL)
        + ["--base-retry", "50ms", "--max-retry", "200ms", "--lease", "500ms", "--workers", "4"],
      environment: Self.environment
    )
  }

  /// SIGKILL, and a new process.
  func die() async throws {
    guard let process = self.process.take() else { return }
    _ = await process.killAndWait()
    deaths += 1
    try start()
  }

  func stop() async {
    await process.take()?.stop()
  }

  /// Repeats what gets no answer, with the same key.
  func create(_ new: NewPayment, key: String) async throws {
    try await eventually("\(key) is accepted") {
      guard let port = try? await process?.port() else { return false }
      let api = PaymentsClient(client: client, baseURL: "http://127.0.0.1:\(port)")
      return (try? await api.create(new, idempotencyKey: key)) != nil
    }
  }

  func payments() async throws -> [Payment] {
    try await PaymentStore.list(after: nil, limit: 1000, in: store.pool)
  }

  /// Waits until each is final, or stopped for a person, and no task about one is left.
  func settle() async throws {
    try await eventually("all payments are final") {
      guard try await payments().allSatisfy({ $0.status.isFinal || $0.stopReason != nil }) else { return false }
      return try await store.pool.query(
        "SELECT NOT EXISTS (SELECT FROM taskqueue.task WHERE type LIKE 'payment.%' AND finished_at IS NULL)"
      )[0].bool(0)
    }
  }

  /// What `payments reconcile` prints and ends with.
  func reconcile(with stripeURL: String) async throws -> (exit: ProcessExit, report: ReconciliationReport) {
    let arguments = ["reconcile", "--json", "--grace", "0s"] + options(stripeURL)
    let command = ChildCommand(ChildCommand.built("payments"), arguments, addedEnvironment: Self.environment)
    let result = try await ChildProcess.run(command)
    return (result.exit, try JSONFormat.decoder().decode(ReconciliationReport.self, from: Data(result.output.utf8)))
  }
}
