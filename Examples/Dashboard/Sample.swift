import Foundation
import Libpq
import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres

/// Tasks of every state, an hour that never was, and some new tasks each second.
struct Sample: Service {
  let client: TaskClient<PostgresTaskStore>

  /// What there is before anything runs.
  func prepare() async throws {
    try await client.limits.declare(Shop.limits)
    try await client.enqueue(all: (1...24).map { SyncCustomer(customer: "customer-\($0 % 4)") })
    try await client.enqueue(all: [120, 80, 9_500, 40, 60].map { BookEntry(account: "DE-4711", amount: $0) })
    try await client.enqueue(MonthlyReport(month: "2026-10"))
    try await client.enqueue(all: (1...37).map { ImportFile(file: "stock-\($0).csv") })
    try await client.enqueue(all: (1...6).map { ExportInvoice(invoice: 7_000 + $0) })
    try await client.enqueue(
      all: (1...9).map { SendReceipt(order: $0 * 11) },
      options: .with { $0.schedule = .after(.seconds(5_400)) }
    )
    try await client.enqueue(
      SendReceipt(order: 1),
      options: .with {
        $0.deadline = Date(timeIntervalSinceNow: -60)
      }
    )
    try await client.enqueue(["order": "a hundred and one"], as: "receipt.send", options: .with { $0.queue = "mail" })
    let mistake = try await client.enqueue(
      SendReceipt(order: 2),
      options: .with { $0.schedule = .after(.seconds(600)) }
    )
    let ann = client.operating(as: "ann", because: "ordered twice, the customer called")
    try await ann.cancel(mistake.id)
    try await client.operating(as: "ben", because: "the supplier sends broken files").pause("imports")
    try await schedules()
    try await history()
  }

  private func schedules() async throws {
    let schedules = client.schedules
    try await schedules.set(
      "monthly-report",
      .cron("0 4 1 * *", timeZone: "Europe/Berlin"),
      MonthlyReport(month: "last")
    )
    try await schedules.set("stock", .cron("*/15 * * * *"), ImportFile(file: "stock.csv"))
    try await schedules.set("working-days", .cron("30 8 * * 1-5", timeZone: "Europe/Berlin"), SendReceipt(order: 3))
    try await schedules.set("heartbeat", .every(.seconds(30)), SendReceipt(order: 4))
    try await client.operating(as: "ann", because: "until the new tariff is in").pauseSchedule("working-days")
  }

  /// Workers write it each minute; here it is made up, so that charts show something from the first moment on.
  private func history() async throws {
    try await client.pool.executeScript(
      """
      INSERT INTO taskqueue.throughput_minute (minute, queue, type, outcome, attempts)
      SELECT date_trunc('minute', now()) - m * interval '1 minute', kind.queue, kind.type, ending.outcome,
             greatest(1, (kind.rate * ending.part * (0.7 + 0.35 * sin(m / 7.0 + kind.rate) + 0.2 * random()))::bigint)
        FROM generate_series(1, 360) m
        CROSS JOIN (VALUES ('payments', 'card.charge', 130), ('mail', 'receipt.send', 90), ('customers', 'customer.sync', 14),
                           ('reports', 'page.render', 6)) AS kind (queue, type, rate)
        CROSS JOIN (VALUES ('completed', 1.0), ('failed', 0.04)) AS ending (outcome, part)
       WHERE ending.outcome = 'completed' OR (kind.queue = 'mail' AND (m % 5 = 0 OR m BETWEEN 22 AND 29))
      ON CONFLICT DO NOTHING
      """
    )
  }

  func run() async throws {
    try await cancelWhenGracefulShutdown {
      var order = 138
      do {
        while true {
          order += 1
          try await client.enqueue(ChargeCard(order: order, cents: 995 + order % 40 * 100))
          try await client.enqueue(SendReceipt(order: order))
          try await Task.sleep(for: .milliseconds(900))
        }
      } catch {
        // That the program ends is no error.
        if !Task.isCancelled { throw error }
      }
    }
  }
}
