import Testing

@testable import Libpq

@Suite("Pool state machine")
struct PoolStateMachineTests {
  typealias Machine = PoolStateMachine<Int, String, Int>

  @Test("Waiters are served in order, and the connection used last is lent first")
  func order() {
    var machine = Machine(maximum: 2, maxWaiters: 2)
    for _ in 0..<2 { #expect(isOpen(machine.lease(now: 0).0)) }
    for name in ["a", "b"] {
      guard case .wait = machine.lease(now: 0).0 else { return #expect(Bool(false), "has to wait") }
      _ = machine.enqueue(name, id: UInt64(name.utf8.first ?? 0), deadline: 9)
    }
    guard case .exhausted = machine.lease(now: 0).0 else { return #expect(Bool(false), "the queue has a bound") }
    guard case .hand("a", 1) = machine.release(1, isReusable: true, generation: 0, expiry: 10, now: 0) else {
      return #expect(Bool(false), "a is first")
    }
    guard case .handSlot("b", closing: 2) = machine.release(2, isReusable: false, generation: 0, expiry: 10, now: 0) else {
      return #expect(Bool(false), "b opens its own")
    }
    _ = machine.release(1, isReusable: true, generation: 0, expiry: 10, now: 0)
    _ = machine.release(3, isReusable: true, generation: 0, expiry: 10, now: 0)
    guard case .use(3) = machine.lease(now: 0).0 else { return #expect(Bool(false), "last in, first out") }
    #expect(machine.idleCount == 1)
    #expect(machine.lentCount == 1)
  }

  @Test("Expired idle connections are handed out for closing, and their slots reused")
  func expiry() {
    var machine = Machine(maximum: 2, maxWaiters: 2)
    for _ in 0..<2 { _ = machine.lease(now: 0) }
    for connection in 1...2 { _ = machine.release(connection, isReusable: true, generation: 0, expiry: 5, now: 0) }
    let (lease, expired) = machine.lease(now: 6)
    #expect(isOpen(lease))
    #expect(expired == [2, 1])
    #expect(machine.idleCount == 0)
    #expect(machine.lentCount == 1)
  }

  @Test("Any sequence keeps the number of slots in its bounds", arguments: 0..<20 as Range<UInt64>)
  func invariants(seed: UInt64) {
    var random = Generator(state: seed)
    var machine = Machine(maximum: 3, maxWaiters: 4)
    var lent: [Int] = []
    var waiting: [UInt64] = []
    var nextConnection = 0
    var nextID: UInt64 = 0
    func serve(_ release: Machine.Release) {
      switch release {
      case .nothing, .close: break
      case .hand(let waiter, let connection):
        #expect(waiter == "\(waiting.removeFirst())")
        lent.append(connection)
      case .handSlot(let waiter, _):
        #expect(waiter == "\(waiting.removeFirst())")
        nextConnection += 1
        lent.append(nextConnection)
      }
    }
    for now in 0..<2000 {
      switch Int.random(in: 0..<5, using: &random) {
      case 0, 1:
        switch machine.lease(now: now).0 {
        case .use(let connection): lent.append(connection)
        case .open:
          nextConnection += 1
          lent.append(nextConnection)
        case .wait:
          nextID += 1
          _ = machine.enqueue("\(nextID)", id: nextID, deadline: .max)
          waiting.append(nextID)
        case .exhausted: #expect(waiting.count == 4)
        case .closed: #expect(Bool(false), "not closed")
        }
      case 2 where !lent.isEmpty:
        let connection = lent.remove(at: Int.random(in: 0..<lent.count, using: &random))
        let isReusable = Bool.random(using: &random)
        serve(machine.release(connection, isReusable: isReusable, generation: machine.generation, expiry: now + 50, now: now))
      case 3 where !lent.isEmpty:
        lent.removeLast()
        serve(machine.slotFailed())
      case 4 where !waiting.isEmpty:
        let id = waiting.remove(at: Int.random(in: 0..<waiting.count, using: &random))
        #expect(machine.cancelWaiter(id: id) == "\(id)")
      default: break
      }
      #expect(machine.lentCount == lent.count)
      #expect(machine.waiterCount == waiting.count)
      #expect(machine.lentCount + machine.idleCount <= 3)
      #expect(waiting.isEmpty || machine.idleCount == 0)
    }
  }

  private func isOpen(_ lease: Machine.Lease) -> Bool {
    if case .open = lease { true } else { false }
  }

  /// SplitMix64, so that a seed replays.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}
