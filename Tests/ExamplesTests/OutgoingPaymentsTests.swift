import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing

@testable import OutgoingPayments

/// The app's table, in memory.
private final class InMemoryPaymentRows: PaymentRows {
  private let rows = Mutex<[Int64: Payment]>([:])

  func insert(amount: Int64, in transaction: InMemoryTransaction) async throws -> Int64 {
    let id = rows.withLock { rows in
      let id = Int64(rows.count + 1)
      rows[id] = Payment(amount: amount)
      return id
    }
    transaction.onRollback { self.rows.withLock { $0[id] = nil } }
    return id
  }

  func set(providerID: String, of id: Int64, in transaction: InMemoryTransaction) async throws {
    change(id, in: transaction) { ($0.providerID, $0.status) = (providerID, "PENDING") }
  }

  func set(status: String, of id: Int64, in transaction: InMemoryTransaction) async throws {
    change(id, in: transaction) { $0.status = status }
  }

  func payment(_ id: Int64) async throws -> Payment { try #require(rows.withLock { $0[id] }) }

  func id(ofProviderID providerID: String) async throws -> Int64? {
    rows.withLock { $0.first { $0.value.providerID == providerID }?.key }
  }

  private func change(_ id: Int64, in transaction: InMemoryTransaction, _ change: (inout Payment) -> Void) {
    let before = rows.withLock { rows in
      defer {
        if var row = rows[id] {
          change(&row)
          rows[id] = row
        }
      }
      return rows[id]
    }
    transaction.onRollback { self.rows.withLock { $0[id] = before } }
  }
}

@Suite("Outgoing payments, in memory, with time moved by hand")
struct OutgoingPaymentsTests {
  private let time = ManualTime()
  private let provider = Provider()
  private let payments: Payments<InMemoryTaskStore>
  private let tester: TaskTester<InMemoryTaskStore>

  init() throws {
    let time = time
    let store = InMemoryTaskStore(now: { time.now })
    payments = Payments(client: TaskClient(store: store), rows: InMemoryPaymentRows(), provider: provider)
    var handlers = TaskHandlers()
    try payments.register(in: &handlers)
    tester = TaskTester(store: store, handlers: handlers, time: time)
  }

  /// Minutes of the example.
  private func minutes(_ count: Int) -> Duration { OutgoingPayments.minute * count }

  @Test("A payment is looked at after 0, 1, 3 and 7 minutes")
  func growingIntervals() async throws {
    let id = try await payments.create(amount: 1_000)
    let attempts = try await tester.drain(within: minutes(60))
    #expect(attempts.map(\.dueIn) == [nil, minutes(1), minutes(2), minutes(4), nil])
    #expect(try await payments.rows.payment(id) == Payment(amount: 1_000, providerID: "pay_1", status: "DONE"))
  }

  @Test("A lost answer is looked up, and nothing is sent twice")
  func lostAnswer() async throws {
    let id = try await payments.create(amount: Provider.losesAnswerFor)
    // The provider is asked only once its call can no longer be under way.
    _ = try await tester.drain(within: .seconds(3_600))
    #expect(try await payments.rows.payment(id).status == "DONE")
    #expect(await provider.executions == 1)
  }

  @Test("Callbacks pull the one check forward, however many come")
  func callbacks() async throws {
    let id = try await payments.create(amount: Provider.staysPendingFor)
    _ = try await tester.drain(within: minutes(2))
    #expect(try await payments.rows.payment(id).status == "PENDING")
    await provider.finish("pay_1")
    for _ in 1...3 { try await payments.callback(providerID: "pay_1") }
    #expect(try await payments.client.tasks().count == 1)
    _ = try await tester.drain()
    #expect(try await payments.rows.payment(id).status == "DONE")
    try await payments.callback(providerID: "pay_unknown")
    #expect(try await payments.client.tasks().isEmpty)
  }
}
