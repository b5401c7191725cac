import Foundation
import Synchronization
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@_spi(Store) @testable import TaskQueue

/// For lists, which hold nothing that cannot be copied.
private final class HeldTicket {
  var ticket: AttemptTicket?
  init(_ ticket: consuming AttemptTicket) { self.ticket = consume ticket }
}

@Suite("S50 No queue and no type takes more of a worker than its maximum")
struct MaximaTests {
  private let date = Date(timeIntervalSince1970: 1e9)

  private func claim(in driver: MachineDriver, of queue: QueueName) -> ClaimRequest? {
    for order in driver.orders {
      if case .exchange(_, let claim?) = order.call, claim.queues.contains(queue) { return claim }
    }
    return nil
  }

  private func tasks(_ ids: ClosedRange<Int64>, _ queue: QueueName) -> [ClaimedTask] {
    ids.map { .sample(Claim(id: TaskID($0), token: 1), queue: queue, at: date) }
  }

  @Test("A full queue is not asked for, costs no call, and is claimed from at once when a place frees")
  func full() {
    let driver = MachineDriver {
      $0.queues = ["bulk", "urgent"]
      $0.maxConcurrent = ["bulk": 2]
    }
    var next: Int64 = 1
    var attempts: [HeldTicket] = []
    for _ in 1...100 {
      if let claim = claim(in: driver, of: "bulk") {
        #expect(claim.limit <= 2 && claim.queues == ["bulk"])
        driver.answerExchange(claimed: tasks(next...(next + Int64(claim.limit) - 1), "bulk"), mayHaveMore: true)
        next += Int64(claim.limit)
        for runner in driver.runners.suffix(2) {
          if let attempt = driver.start(runner) { attempts.append(HeldTicket(attempt.takeTicket())) }
        }
      } else if driver.exchange != nil {
        driver.answerExchange()
      } else {
        driver.wait(.milliseconds(20))
      }
    }
    #expect(next == 3, "two, and no more")
    #expect(claim(in: driver, of: "bulk") == nil)
    var turns = 0
    for _ in 0..<1_000 where driver.exchange == nil && driver.now < .zero.advanced(by: .seconds(4)) {
      turns += 1
      driver.wait(driver.now.duration(to: driver.wakeAt))
    }
    #expect(turns < 20, "a full queue does not make the worker spin")
    while driver.exchange != nil { driver.answerExchange() }
    driver.change { machine, now in
      if let ticket = attempts[0].ticket.take() { machine.end(ticket, .nothing, at: now) }
    }
    while claim(in: driver, of: "bulk") == nil, driver.exchange != nil { driver.answerExchange() }
    #expect(claim(in: driver, of: "bulk")?.limit == 1)
    for attempt in attempts {
      if let ticket = attempt.ticket.take() { ticket.redeem() }
    }
  }

  @Test("An answer that comes late does not bring more than the maximum: the rest goes back")
  func late() {
    let driver = MachineDriver(maxConcurrent: ["slow": 2]) { $0.lease = .seconds(60) }
    while let claim = driver.exchange?.claim, claim.types != ["slow"] { driver.answerExchange() }
    var ticket = driver.takeUpExchange()
    driver.wait(.seconds(12))
    driver.wait(.seconds(1))
    let again = [1, 2].map { ClaimedTask.sample(Claim(id: TaskID($0), token: 2), type: "slow", at: date) }
    while let claim = driver.exchange?.claim, claim.types != ["slow"] { driver.answerExchange() }
    driver.answerExchange(claimed: again)
    let late = [3, 4].map { ClaimedTask.sample(Claim(id: TaskID($0), token: 1), type: "slow", at: date) }
    driver.end(&ticket, .exchanged(Exchange(claimed: late)))
    #expect(driver.machine.queue.count <= 2)
    #expect(driver.machine.held.values.count { if case .queued = $0.place { true } else { false } } <= 2)
  }

  @Test("Without maxima there is one group, with all queues and types in one claim")
  func one() {
    let driver = MachineDriver { $0.queues = ["a", "b"] }
    #expect(driver.machine.groups.all.count == 1)
    #expect(driver.exchange?.claim?.queues == ["a", "b"])
  }

  @Test("A look by one group leaves the last slot to one that has waited longer")
  func fairLooks() {
    let driver = MachineDriver(maxConcurrent: ["slow": 1]) { $0.concurrency = 1 }
    #expect(driver.exchange?.claim?.types == ["t"])
    driver.answerExchange()
    #expect(driver.exchange?.claim?.types == ["slow"], "the other one's turn")
  }

  @Test("Maxima that mean nothing are refused with what to do")
  func refused() throws {
    var configuration = TaskWorkerConfiguration()
    configuration.maxConcurrent = ["bulk": 1]
    #expect(throws: TaskQueueError.self) { try configuration.validate() }
    configuration.queues = ["bulk"]
    try configuration.validate()
    configuration.maxConcurrent = ["bulk": 0]
    #expect(throws: TaskQueueError.self) { try configuration.validate() }
    var handlers = TaskHandlers()
    #expect(throws: TaskQueueError.self) {
      try handlers.register(Ping.self, options: .init(maxConcurrent: 0)) { _, _ in .completed }
    }
    for number in 0..<64 {
      try handlers.register(TaskType("t\(number)"), as: Ping.self, options: .init(maxConcurrent: 1)) { _, _ in
        .completed
      }
    }
    let full = handlers
    #expect(throws: TaskQueueError.self) { try TaskWorker(store: InMemoryTaskStore(), handlers: full) }
  }

  @Test("In memory: slow tasks of one type leave slots for others, and never more of them run than may")
  func inMemory() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let running = Mutex((now: 0, most: 0, pings: 0, pongs: 0))
    try await client.enqueue(all: (0..<100).map { Ping(number: $0) })
    try await client.enqueue(all: (0..<20).map { Pong(text: "\($0)") })
    try await withWorker(store, quickConfiguration { $0.concurrency = 5 }) { handlers in
      try handlers.register(Ping.self, options: .init(maxConcurrent: 3)) { _, _ in
        running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.pings, $0.pongs) }
        try await Task.sleep(for: .milliseconds(5))
        running.withLock { $0 = ($0.now - 1, $0.most, $0.pings + 1, $0.pongs) }
        return .completed
      }
      try handlers.register(Pong.self) { _, _ in
        running.withLock { $0.pongs += 1 }
        return .completed
      }
    } _: { _ in
      try await eventually("all are done", within: .seconds(60)) {
        running.withLock { $0.pongs == 20 && $0.pings == 100 }
      }
    }
    #expect(running.withLock(\.most) == 3)
  }
}
