import Foundation
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing

@Suite("The in-memory store")
struct InMemoryTaskStoreTests {
  @Test("The in-memory store keeps the contract of every store", arguments: StoreConformance.all)
  func conforms(to check: StoreConformance.Check) async throws {
    try await check.run(on: InMemoryStoreHarness())
  }

  @Test("Its schedules keep the contract", arguments: ScheduleConformance.all)
  func conforms(to check: ScheduleConformance.Check) async throws { try await check.run(on: InMemoryStoreHarness()) }

  @Test("Its transactions and its inbox keep the contract", arguments: TransactionConformance<InMemoryTaskStore>.all)
  func conforms(to check: TransactionConformance<InMemoryTaskStore>.Check) async throws {
    try await check.run(on: InMemoryStoreHarness())
  }

  @Test("Its workers and explanations keep the contract", arguments: WorkerConformance.all)
  func conforms(to check: WorkerConformance.Check) async throws { try await check.run(on: InMemoryStoreHarness()) }

  @Test("What people see and do keeps the contract, and what is dropped in time", arguments: OperatingConformance.all)
  func conforms(to check: OperatingConformance.Check) async throws { try await check.run(on: InMemoryStoreHarness()) }

  @Test("Its alarms keep the contract", arguments: AlarmConformance.all)
  func conforms(to check: AlarmConformance.Check) async throws {
    try await check.run(on: InMemoryStoreHarness())
  }

  @Test("Every check has a name of its own that begins with a line of the contract")
  func checkNames() {
    let names =
      StoreConformance.all.map(\.name) + TransactionConformance<InMemoryTaskStore>.all.map(\.name)
      + AlarmConformance.all.map(\.name) + WorkerConformance.all.map(\.name) + OperatingConformance.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.wholeMatch(of: /S\d+ .+[^.]/) != nil })
  }

  @Test("Leases renewed again and again leave nothing behind that a claim would trip over")
  func renewals() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    _ = try await store.enqueue(Array(repeating: NewTask(type: "a", json: Data("{}".utf8)), count: 3))
    let request = ClaimRequest(queues: [.default], types: ["a"], limit: 5, lease: .seconds(60), promotesDue: true)
    let claims = try await store.exchange(settle: [], claim: request).claimed.map(\.claim)
    for _ in 1...500 {
      time.advance(by: .seconds(30))
      #expect(try await store.renew(claims, lease: .seconds(60)) == [.renewed, .renewed, .renewed])
      #expect(try await store.exchange(settle: [], claim: request).claimed.isEmpty)
    }
    time.advance(by: .seconds(61))
    #expect(try await store.exchange(settle: [], claim: request).claimed.map(\.crashes) == [1, 1, 1])
  }

  @Test("A large backlog of several types drains in order")
  func backlog() async throws {
    let store = InMemoryTaskStore()
    let types: [TaskType] = ["a", "b", "c"]
    let count = 30_000
    let tasks = try (0..<count).map { try NewTask(type: types[$0 % 3], json: Data("\($0)".utf8)) }
    let ids = try await store.enqueue(tasks).map(\.id)
    let request = ClaimRequest(queues: [.default], types: types, limit: 500, lease: .seconds(600), promotesDue: true)
    var settlements: [Settlement] = []
    var order: [TaskID] = []
    repeat {
      let claimed = try await store.exchange(settle: settlements, claim: request).claimed
      order += claimed.map(\.claim.id)
      settlements = claimed.map { Settlement($0.claim, .complete) }
    } while !settlements.isEmpty
    #expect(order == ids)
    #expect(try await store.counts().isEmpty)
  }
}
