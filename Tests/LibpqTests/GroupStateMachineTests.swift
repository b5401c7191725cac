import Libpq
import SeededRandom
import Testing

@Suite("Groups of callers: the state machine")
struct GroupStateMachineTests {
  typealias Machine = GroupStateMachine<UInt64>

  private func machine(groups: Int = 1, members: Int = 3, weight: Int = 100, waiters: Int = 4) -> Machine {
    Machine(maxGroups: groups, maxMembers: members, maxWeight: weight, maxWaiters: waiters)
  }

  /// A machine whose only place is taken, and these callers, of `weight` each, wait.
  private func busyMachine(waiting: ClosedRange<UInt64>, weight: Int = 1) -> Machine {
    var machine = machine()
    let isLeading = machine.lead()
    #expect(isLeading)
    for id in waiting {
      let isWaiting = machine.wait(id, id: id, weight: weight)
      #expect(isWaiting)
    }
    return machine
  }

  @Test("Whoever finds a place leads at once and alone; the next one waits and leads when the first is done")
  func handover() {
    var machine = busyMachine(waiting: 1...1)
    let mayLead = machine.lead()
    #expect(!mayLead)
    let (next, last) = (machine.finish(), machine.finish())
    #expect(next == 1)
    #expect(last == nil)
    #expect(machine.groupCount == 0)
    let leadsAgain = machine.lead()
    #expect(leadsAgain)
    let followers = machine.take(alongside: 1)
    #expect(followers.isEmpty)
  }

  @Test("A group takes the longest waiting, up to its bounds; a heavy leader goes alone")
  func bounds() {
    var machine = busyMachine(waiting: 1...4, weight: 40)
    let isAccepted = machine.wait(5, id: 5, weight: 1)
    #expect(!isAccepted)
    let besideBig = machine.take(alongside: 200)
    #expect(besideBig.isEmpty)
    let besideSmall = machine.take(alongside: 20)
    #expect(besideSmall == [1, 2])
    let next = machine.finish()
    #expect(next == 3)
    let rest = machine.take(alongside: 40)
    #expect(rest == [4])

    var byCount = busyMachine(waiting: 1...4)
    let followers = byCount.take(alongside: 1)
    #expect(followers == [1, 2])
  }

  @Test("A cancelled caller leaves the queue; one that is served or leads can't be taken out any more")
  func cancellation() {
    var machine = busyMachine(waiting: 1...3)
    let (first, second) = (machine.cancel(id: 2), machine.cancel(id: 2))
    #expect(first == 2)
    #expect(second == nil)
    let followers = machine.take(alongside: 1)
    #expect(followers == [1, 3])
    let served = machine.cancel(id: 1)
    #expect(served == nil)
    let next = machine.finish()
    #expect(next == nil)
  }

  @Test(
    "Under any sequence of calls nobody waits while a place is free, and nobody is lost or served twice",
    arguments: UInt64(0)..<20
  )
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var machine = machine(groups: 2, members: 4, weight: 10, waiters: 6)
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
        } else if machine.wait(id, id: id, weight: .random(in: 1...12, using: &generator)) {
          arrived.insert(id)
        }
      case 2 where !leading.isEmpty:
        for follower in machine.take(alongside: 1) { serve(follower) }
        serve(leading.removeFirst())
        if let next = machine.finish() { leading.append(next) }
      default:
        if let other = arrived.randomElement(using: &generator), machine.cancel(id: other) != nil { serve(other) }
      }
      #expect(machine.groupCount == leading.count)
      #expect(machine.waiterCount == 0 || machine.groupCount == 2)
    }
    while !leading.isEmpty {
      serve(leading.removeFirst())
      if let next = machine.finish() { leading.append(next) }
    }
    #expect(served == arrived)
  }
}
