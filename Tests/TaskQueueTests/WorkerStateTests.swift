import Foundation
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("What the worker holds, and how much it asks for")
struct WorkerStateTests {
  private typealias State = WorkerState
  private let now = WorkerClock(ContinuousClock()).now

  private func task(_ id: Int64, token: Int64 = 1) -> ClaimedTask {
    ClaimedTask(
      claim: Claim(id: TaskID(id), token: token),
      queue: .default,
      type: "t",
      priority: 100,
      payload: Data("{}".utf8),
      headers: [:],
      attempt: 1,
      failures: 0,
      crashes: 0,
      maxAttempts: nil,
      retry: nil,
      deadline: nil,
      createdAt: Date(),
      dueAt: Date(),
      claimedAt: Date(),
      isCancelRequested: false
    )
  }

  /// Asks, and takes the claim for answered.
  private func limit(_ state: inout State, after elapsed: Duration = .zero) -> Int {
    let limit = state.claimLimit(concurrency: 10, maxPrefetch: 100, at: now.advanced(by: elapsed))
    state.endClaim(limit)
    return limit
  }

  @Test("S20 An idle worker asks for its handlers' number, a full one for nothing")
  func limits() {
    var state = State()
    #expect(limit(&state) == 10)
    _ = state.accept((1...10).map { task($0) }, at: now) { _ in nil }
    #expect(limit(&state) == 0)
  }

  @Test("While a claim for all free handlers is under way, the worker waits for it")
  func claimUnderWay() {
    var state = State()
    let limit = state.rescanLimit(concurrency: 10)
    #expect(limit == 10)
    #expect(state.claimLimit(concurrency: 10, maxPrefetch: 100, at: now) == 0)
    #expect(!state.hasRoom(concurrency: 10), "else it would ask again at once, for ever")
    #expect(!state.isIdle)
    state.endClaim(limit)
    #expect(state.hasRoom(concurrency: 10))
    #expect(state.isIdle)
  }

  @Test("Fast handlers get tasks ahead, bounded; slow ones hardly any")
  func prefetch() throws {
    for (elapsed, expected) in [(Duration.milliseconds(5), 30), (.seconds(1), 11)] {
      var state = State()
      #expect(limit(&state) == 10)
      _ = state.accept((1...10).map { task($0) }, at: now) { _ in nil }
      for _ in 1...10 {
        let next = state.start(nil, at: now)
        let started = try #require(next)
        _ = state.finish(started.claim)
        _ = state.record(Settlement(started.claim, .complete), for: started.claim)
      }
      #expect(limit(&state, after: elapsed) == expected)
    }
  }

  @Test("A task whose claim was lost in the local queue and that was claimed again is started once")
  func startedOnce() {
    var state = State()
    _ = state.accept([task(1, token: 1)], at: now) { _ in nil }
    _ = state.cancel(Claim(id: TaskID(1), token: 1), reason: .leaseLost)
    _ = state.accept([task(1, token: 2)], at: now) { _ in nil }
    _ = state.missingRunners(concurrency: 10)
    #expect(state.start(nil, at: now)?.claim.token == 2)
    #expect(state.start(nil, at: now) == nil)
  }

  @Test("Tasks whose claims were lost in the local queue make room for others")
  func lostInQueue() {
    var state = State()
    _ = state.accept((1...11).map { task($0) }, at: now) { _ in nil }
    _ = state.missingRunners(concurrency: 10)
    let running = state.start(nil, at: now)
    #expect(running?.claim.id == TaskID(1))
    for id in 2...11 { _ = state.cancel(Claim(id: TaskID(Int64(id)), token: 1), reason: .leaseLost) }
    #expect(limit(&state) == 9)
    #expect(state.hasRoom(concurrency: 10), "else it would never ask again")
    _ = state.accept([task(5, token: 2), task(6, token: 2)], at: now) { _ in nil }
    _ = state.cancel(Claim(id: TaskID(5), token: 2), reason: .leaseLost)
    #expect(limit(&state) == 8)
    #expect(state.start(nil, at: now)?.claim.id == TaskID(6))
    #expect(state.start(nil, at: now) == nil)
    #expect(limit(&state) == 8)
  }

  @Test("A handler of a lost claim cannot speak for the task's newer claim")
  func staleHandler() throws {
    var state = State()
    _ = state.accept([task(1, token: 1)], at: now) { _ in nil }
    let first = state.start(nil, at: now)
    let old = try #require(first)
    _ = state.accept([task(1, token: 2)], at: now) { _ in nil }
    #expect(state.finish(old.claim).isHeld == false)
    #expect(state.start(nil, at: now)?.claim.token == 2)
  }

  @Test("S26 Draining hands queued tasks back and starts none")
  func draining() {
    var state = State()
    _ = state.accept((1...3).map { task($0) }, at: now) { _ in nil }
    state.drain()
    #expect(limit(&state) == 0)
    #expect(state.start(nil, at: now) == nil)
    let outcomes = state.takeOutcomes(atMost: 10)
    #expect(outcomes.count == 3)
    #expect(
      outcomes.allSatisfy {
        if case .release = $0.action { true } else { false }
      }
    )
    #expect(state.isIdle)
    // Claimed in the exchange that was under way.
    _ = state.accept([task(4)], at: now) { _ in nil }
    let late = state.takeOutcomes(atMost: 10)
    #expect(late.map(\.claim.id.rawValue) == [4])
    #expect(state.isIdle)
  }

  @Test("Outcomes are taken in bounded batches and put back in order")
  func batches() {
    var state = State()
    for id in 1...5 { state.reject(Settlement(Claim(id: TaskID(Int64(id)), token: 1), .complete)) }
    let first = state.takeOutcomes(atMost: 2)
    #expect(first.map(\.claim.id.rawValue) == [1, 2])
    state.putBack(first)
    #expect(state.takeOutcomes(atMost: 10).map(\.claim.id.rawValue) == [1, 2, 3, 4, 5])
  }

  @Test("Polling backs off from the minimum to the maximum and drops back")
  func backoff() {
    var generator = SystemRandomNumberGenerator()
    var interval = BackoffInterval(minimum: .milliseconds(1), maximum: .seconds(1))
    let waits = (0..<15).map { _ in interval.next(using: &generator) }
    for (index, wait) in waits.enumerated() {
      let step = min(Duration.seconds(1), .milliseconds(1) * (1 << index))
      #expect(wait >= step * 0.9 && wait <= step * 1.1)
    }
    interval.reset()
    #expect(interval.next(using: &generator) <= .microseconds(1_100))
  }
}
