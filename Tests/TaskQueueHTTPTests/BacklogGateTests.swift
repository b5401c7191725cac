import Foundation
import HTTPTypes
import Synchronization
import TaskQueueHTTP
import Testing

@Suite("The gate of the backlog")
struct BacklogGateTests {
  /// What is open, and how often that was asked.
  private final class Work: Sendable {
    private let state = Mutex((open: 0, highest: 0, looks: 0))

    var open: Int { state.withLock { $0.open } }
    var highest: Int { state.withLock { $0.highest } }
    var looks: Int { state.withLock { $0.looks } }

    func count(_ limit: Int) -> Int {
      state.withLock {
        $0.looks += 1
        return min($0.open, limit)
      }
    }

    func add(_ number: Int = 1) {
      state.withLock {
        $0.open += number
        $0.highest = max($0.highest, $0.open)
      }
    }
  }

  private final class Tally: Sendable {
    private let state = Mutex((admitted: 0, refused: 0))
    var admitted: Int { state.withLock { $0.admitted } }
    var refused: Int { state.withLock { $0.refused } }

    func add(admitted: Int = 0, refused: Int = 0) {
      state.withLock { ($0.admitted, $0.refused) = ($0.admitted + admitted, $0.refused + refused) }
    }
  }

  private final class Time: Sendable {
    private let instant = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { instant.withLock { $0 } }
    func advance(_ duration: Duration) { instant.withLock { $0 += duration } }
  }

  @Test("Under load never more is open than the limit, and it is seldom asked how much that is")
  func load() async throws {
    let (work, time) = (Work(), Time())
    let count: @Sendable (Int) async -> Int = { limit in
      // Others come meanwhile.
      await Task.yield()
      return work.count(limit)
    }
    let gate = BacklogGate(limit: 50, clock: { time.now }, count: count)
    let tally = Tally()
    var looks = 0
    for wave in 1...4 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 1...500 {
          group.addTask {
            do {
              try await gate.admit {
                await Task.yield()
                work.add()
              }
              tally.add(admitted: 1)
            } catch let error as ProblemError {
              #expect(error.kind == .backlogFull)
              tally.add(refused: 1)
            }
          }
        }
        try await group.waitForAll()
      }
      // Before the first number is there everybody looks, then one does.
      if wave > 1 { #expect(work.looks == looks + 1) }
      looks = work.looks
      // Some of it is done.
      work.add(-10)
      time.advance(gate.freshness)
    }
    #expect(work.highest <= 50)
    #expect(tally.admitted >= 50)
    #expect(tally.admitted + tally.refused == 2000)
  }

  @Test("A number that is fresh is not asked for again; later it is, and what was done makes room")
  func freshness() async throws {
    let (work, time) = (Work(), Time())
    let gate = BacklogGate(limit: 2, clock: { time.now }, count: { work.count($0) })
    for _ in 1...2 { try await gate.admit { work.add() } }
    work.add(-1)
    await #expect(throws: ProblemError.self) { try await gate.admit {} }
    #expect(work.looks == 1)
    time.advance(.milliseconds(200))
    try await gate.admit { work.add() }
    #expect(work.looks == 2)
    await #expect(throws: ProblemError.self) { try await gate.admit {} }
    #expect(try await gate.open() == 2)
  }

  @Test("What was let in and failed takes no place for longer than a count is fresh")
  func failures() async throws {
    struct Failed: Error {}
    let (work, time) = (Work(), Time())
    let gate = BacklogGate(limit: 2, clock: { time.now }, count: { work.count($0) })
    for _ in 1...2 { await #expect(throws: Failed.self) { try await gate.admit { throw Failed() } } }
    await #expect(throws: ProblemError.self) { try await gate.admit {} }
    time.advance(.milliseconds(200))
    try await gate.admit { work.add() }
  }

  @Test("What is being done while it is counted is counted twice rather than not at all")
  func midway() async throws {
    let (work, time) = (Work(), Time())
    let gate = BacklogGate(limit: 2, clock: { time.now }, count: { work.count($0) })
    try await gate.admit {
      // The look may have seen it already, or not yet.
      time.advance(.milliseconds(200))
      try await gate.admit { work.add() }
      await #expect(throws: ProblemError.self) { try await gate.admit {} }
      work.add()
    }
    #expect(work.highest == 2)
  }

  @Test("It is refused with what the app says, and when to come again")
  func refusals() async throws {
    let busy = BacklogGate(limit: 1, refusal: ProblemError(.unavailable, "Too many orders.")) { $0 }
    let error = await #expect(throws: ProblemError.self) { try await busy.admit {} }
    let (head, _) = try #require(error).response(base: "#")
    #expect(head.status.code == 503)
    #expect(head.headerFields[.retryAfter] == "1")
    let standard = BacklogGate(limit: 1) { $0 }
    let full = await #expect(throws: ProblemError.self) { try await standard.admit {} }
    #expect(full?.response(base: "#").head.status.code == 429)
    #expect(full?.response(base: "#").head.headerFields[.retryAfter] == "5")
  }

  @Test("When nobody can tell how much is open, nothing is let in")
  func unknown() async throws {
    struct Unknown: Error {}
    let tally = Tally()
    let gate = BacklogGate(limit: 1) { _ in
      if tally.admitted == 0 { throw Unknown() }
      return 0
    }
    for _ in 1...2 { await #expect(throws: Unknown.self) { try await gate.admit { Issue.record("was let in") } } }
    tally.add(admitted: 1)
    try await gate.admit {}
  }
}
