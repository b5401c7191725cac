import Foundation
import SeededRandom
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("Grouping of single enqueues: the state machine")
struct EnqueueGroupStateMachineTests {
  typealias Machine = EnqueueGroupStateMachine<String>

  private func machine(groups: Int = 1, tasks: Int = 3, bytes: Int = 100, waiters: Int = 4) -> Machine {
    Machine(maxGroups: groups, maxTasks: tasks, maxBytes: bytes, maxWaiters: waiters)
  }

  private func task(bytes: Int = 1) throws -> NewTask {
    try NewTask(type: "note", json: Data(repeating: 0x31, count: bytes))
  }

  /// A machine whose only place is taken, and these callers, with a payload of `bytes` each, wait.
  private func busyMachine(waiting: ClosedRange<UInt64>, bytes: Int = 1) throws -> Machine {
    var machine = machine()
    let isLeading = machine.lead()
    #expect(isLeading)
    for id in waiting {
      let isWaiting = machine.wait(.init(id: id, task: try task(bytes: bytes), waiter: "\(id)"))
      #expect(isWaiting)
    }
    return machine
  }

  @Test("Whoever finds a place leads at once and alone; the next one waits and leads when the first is done")
  func handover() throws {
    var machine = try busyMachine(waiting: 1...1)
    let mayLead = machine.lead()
    #expect(!mayLead)
    let (next, last) = (machine.finish(), machine.finish())
    #expect(next == "1")
    #expect(last == nil)
    #expect(machine.groupCount == 0)
    let leadsAgain = machine.lead()
    #expect(leadsAgain)
    let followers = machine.take(alongside: try task())
    #expect(followers.isEmpty)
  }

  @Test("A group takes the longest waiting, up to its bounds; one big task of the leader goes alone")
  func bounds() throws {
    var machine = try busyMachine(waiting: 1...4, bytes: 40)
    let isAccepted = machine.wait(.init(id: 5, task: try task(), waiter: "5"))
    #expect(!isAccepted)
    let besideBig = machine.take(alongside: try task(bytes: 200))
    #expect(besideBig.isEmpty)
    let besideSmall = machine.take(alongside: try task(bytes: 20))
    #expect(besideSmall.map(\.waiter) == ["1", "2"])
    let next = machine.finish()
    #expect(next == "3")
    let rest = machine.take(alongside: try task(bytes: 40))
    #expect(rest.map(\.waiter) == ["4"])

    var byCount = try busyMachine(waiting: 1...4)
    let followers = byCount.take(alongside: try task())
    #expect(followers.map(\.waiter) == ["1", "2"])
  }

  @Test("A cancelled caller leaves the queue; one that is served or leads can't be taken out any more")
  func cancellation() throws {
    var machine = try busyMachine(waiting: 1...3)
    let (first, second) = (machine.cancel(id: 2), machine.cancel(id: 2))
    #expect(first == "2")
    #expect(second == nil)
    let followers = machine.take(alongside: try task())
    #expect(followers.map(\.waiter) == ["1", "3"])
    let served = machine.cancel(id: 1)
    #expect(served == nil)
    let next = machine.finish()
    #expect(next == nil)
  }

  @Test(
    "Under any sequence of calls nobody waits while a place is free, and nobody is lost or served twice",
    arguments: UInt64(0)..<20
  )
  func random(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var machine = machine(groups: 2, tasks: 4, bytes: 10, waiters: 6)
    var arrived: Set<UInt64> = []
    var served: Set<UInt64> = []
    var leading: [UInt64] = []
    func serve(_ id: UInt64) {
      let isFirst = served.insert(id).inserted
      #expect(isFirst)
    }
    for id in 1...UInt64(400) {
      switch Int.random(in: 0..<4, using: &generator) {
      case 0, 1:
        if machine.lead() {
          arrived.insert(id)
          leading.append(id)
        } else if machine.wait(
          .init(id: id, task: try task(bytes: .random(in: 1...12, using: &generator)), waiter: "\(id)")
        ) {
          arrived.insert(id)
        }
      case 2 where !leading.isEmpty:
        for follower in machine.take(alongside: try task()) { serve(follower.id) }
        serve(leading.removeFirst())
        if let next = machine.finish() { leading.append(try #require(UInt64(next))) }
      default:
        if let other = arrived.randomElement(using: &generator), machine.cancel(id: other) != nil { serve(other) }
      }
      #expect(machine.groupCount == leading.count)
      #expect(machine.waiterCount == 0 || machine.groupCount == 2)
    }
    while !leading.isEmpty {
      serve(leading.removeFirst())
      if let next = machine.finish() { leading.append(try #require(UInt64(next))) }
    }
    #expect(served == arrived)
  }
}
