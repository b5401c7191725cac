import Foundation
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("What the worker decides")
struct WorkerStateMachineTests {
  /// Takes up attempts on all runners, and hands their tickets out by task.
  private func startAll(_ driver: MachineDriver, _ body: (consuming Attempt) -> Void) {
    for runner in driver.runners {
      if let attempt = driver.start(runner) { body(attempt) }
    }
  }

  // MARK: Claiming

  @Test("S20 An idle worker asks for its handlers' number, one with a claim under way for nothing, a full one neither")
  func limits() {
    let driver = MachineDriver()
    #expect(driver.exchange?.claim?.limit == 10)
    driver.wait(.milliseconds(200))
    #expect(driver.orders.filter(\.call.isExchange).count == 1, "one exchange at a time")
    driver.claimed(1...10)
    driver.wait(.milliseconds(200))
    #expect(driver.exchange == nil)
    #expect(driver.runners.count == 10)
  }

  @Test("S76 Attempts that have run for 10 s are named, the oldest 20 of them first, and no longer than they run")
  func holdings() throws {
    let driver = MachineDriver { $0.concurrency = 30 }
    func held() -> [Int64] { driver.machine.holdings(at: driver.now).held.map(\.task.rawValue) }
    driver.claimed(1...3)
    #expect(driver.starts(driver.runners[0]))
    if let second = driver.start(driver.runners[1]) {
      #expect(driver.starts(driver.runners[2]))
      driver.wait(.seconds(9))
      #expect(driver.machine.holdings(at: driver.now).inFlight == 3 && held() == [])
      driver.wait(.seconds(1))
      #expect(held() == [1, 2, 3])
      #expect(driver.machine.holdings(at: driver.now).held[0].since == Date(timeIntervalSince1970: 1e9))
      driver.answerExchange(claimed: (4...29).map { MachineDriver.task($0) })
      for runner in driver.runners.dropFirst(3) { #expect(driver.starts(runner)) }
      #expect(driver.machine.holdings(at: driver.now).inFlight == 29 && held() == [1, 2, 3])
      driver.complete(second)
    }
    driver.wait(.seconds(10))
    #expect(driver.machine.holdings(at: driver.now).inFlight == 28)
    #expect(held() == [1, 3] + Array(4...21))
  }

  @Test("S20 No wait is without a limit, in whatever state the worker is")
  func wakes() {
    let driver = MachineDriver()
    for _ in 1...200 {
      #expect(driver.wakeAt <= driver.now.advanced(by: .seconds(5)))
      driver.wait(driver.now.duration(to: driver.wakeAt))
      driver.answerExchange()
    }
  }

  @Test("A task claimed again by ourselves is started once, and the old claim's handler cannot speak for it")
  func staleClaims() throws {
    let driver = MachineDriver { $0.lease = .seconds(6) }
    driver.claimed(1...1)
    startAll(driver) { attempt in
      driver.wait(.seconds(1))
      driver.claimed(1...1, token: 2)
      #expect(driver.cancelled == [driver.runners[0]], "its claim was lost")
      driver.complete(attempt)
    }
    #expect(driver.machine.outcomes.isEmpty, "the old claim's outcome is nobody's")
    driver.change { machine, _ in machine.endRunner(driver.runners[0]) }
    var started: [Int64] = []
    if let runner = driver.runners.last, let attempt = driver.start(runner) {
      started.append(attempt.task.claim.token)
      attempt.takeTicket().redeem()
    }
    #expect(started == [2])
  }

  @Test(
    "Hoarding: what was claimed at a pace that is over goes back, least urgent first",
    arguments: [(10, 200), (1, 30), (100, 1)]
  )
  func hoard(concurrency: Int, count: Int) {
    let driver = MachineDriver { $0.concurrency = concurrency }
    driver.claimed(1...Int64(concurrency + count))
    startAll(driver) { attempt in attempt.takeTicket().redeem() }
    driver.wait(.milliseconds(400))
    #expect(driver.machine.queue.count == count, "they may just be about to start")
    driver.wait(.milliseconds(200))
    let released = driver.exchange?.settlements.filter { if case .release = $0.action { true } else { false } } ?? []
    #expect(released.count == count)
    #expect(released.first?.claim.id == TaskID(Int64(concurrency + count)))
    #expect(driver.machine.queue.count == 0)
    driver.answerExchange()
    #expect(driver.machine.held.count == concurrency)
    #expect(driver.exchange == nil, "it does not take them again")
  }

  @Test(
    "All claims together ask for no more than there are slots and prefetch for, looks among them",
    arguments: [(10, 50), (1, 0), (3, 1_000)]
  )
  func claimLimits(concurrency: Int, prefetch: Int) {
    let driver = MachineDriver {
      $0.concurrency = concurrency
      $0.maxPrefetch = prefetch
    }
    var last: Int64 = 0
    var looks = 0
    for step in 1...2_000 {
      let asked = driver.orders.reduce(0) { sum, order in
        if case .exchange(_, let claim?) = order.call { sum + claim.limit } else { sum }
      }
      #expect(driver.machine.runners.runningCount + driver.machine.queue.count + asked <= concurrency + prefetch)
      // The looks are slow, and the loop goes on beside them.
      if let claim = driver.exchange?.claim, !claim.scope.isLook || step.isMultiple(of: 40) {
        if claim.scope.isLook { looks += 1 }
        driver.answerExchange(
          claimed: (0..<Int64(claim.limit)).map { MachineDriver.task(last + 1 + $0) },
          mayHaveMore: true
        )
        last += Int64(claim.limit)
      } else {
        driver.answer(.exchanged(Exchange(settled: Array(repeating: .applied, count: 1_000)))) { call in
          if case .exchange(_, nil) = call { true } else { false }
        }
      }
      driver.answer(.writers(OpenWriters(at: Date(timeIntervalSince1970: 1e9 + Double(step)), ids: []))) { call in
        if case .openWriters = call { true } else { false }
      }
      for runner in driver.runners.suffix(concurrency) {
        if let attempt = driver.start(runner) { driver.complete(attempt) }
      }
      driver.wait(.milliseconds(5))
    }
    #expect(looks > 1 && last > 100)
  }

  // MARK: Outcomes (34)

  @Test(
    "S34 An outcome that meets a passing error is kept and offered again; one of which the data is refused is named and dropped"
  )
  func keepsOutcomes() {
    let driver = MachineDriver()
    driver.claimed(1...4)
    startAll(driver) { attempt in
      driver.complete(attempt)
    }
    driver.answerExchange()
    for code in ["57014", "25006", "53100", "XX000"] {
      driver.wait(.seconds(2))
      #expect(driver.exchange?.settlements.isEmpty == false)
      driver.failExchange(TaskQueueError(.storeFailed, code))
    }
    var refused = TaskQueueError(.storeFailed, "22P05")
    refused.isDataRefused = true
    var rounds = 0
    while driver.machine.held.count > 0, rounds < 40 {
      rounds += 1
      driver.wait(.seconds(2))
      guard let settlements = driver.exchange?.settlements, !settlements.isEmpty else {
        driver.answerExchange()
        continue
      }
      if settlements.contains(where: { $0.claim.id == TaskID(2) }) {
        driver.failExchange(refused)
      } else {
        driver.answerExchange()
      }
    }
    #expect(driver.machine.held.isEmpty && driver.machine.outcomes.isEmpty)
    driver.wait(.seconds(2))
    #expect(driver.exchange?.claim != nil, "it claims again")
    let dropped = driver.events.compactMap { if case .outcomeRefused(let task, _) = $0 { task.id } else { nil } }
    #expect(dropped == [TaskID(2)], "one, and only it")
  }

  @Test("A settlement whose row is locked is offered again, and holds up nobody")
  func busy() {
    let driver = MachineDriver()
    driver.claimed(1...2)
    startAll(driver) { attempt in
      driver.complete(attempt)
    }
    driver.answerExchange()
    driver.answerExchange([.busy, .applied])
    #expect(driver.machine.held.count == 1)
    driver.wait(.milliseconds(20))
    #expect(driver.exchange?.settlements.count == 1)
    driver.answerExchange([.applied])
    #expect(driver.machine.held.isEmpty)
  }

  @Test("An outcome whose row was locked until the lease was over is recorded by our own next claim, not run again")
  func busyPastItsLease() {
    let driver = MachineDriver { $0.lease = .seconds(6) }
    driver.claimed(1...1)
    startAll(driver) { attempt in
      driver.complete(attempt)
    }
    driver.answerExchange([.busy])
    driver.wait(.seconds(7))
    while driver.exchange?.settlements.isEmpty == false { driver.answerExchange([.busy]) }
    driver.wait(.seconds(2))
    let settles = driver.exchange?.settlements.map { _ in SettlementResult.busy }
    driver.answerExchange(settles, claimed: [MachineDriver.task(1, token: 2)])
    driver.wait(.seconds(1))
    #expect(driver.exchange?.settlements.map(\.claim) == [Claim(id: TaskID(1), token: 2)])
    #expect(driver.runners.count == 1, "it ran once")
    driver.answerExchange([.applied])
    #expect(driver.machine.held.isEmpty && driver.machine.outcomes.isEmpty)
  }

  @Test(
    "An outcome that waits for a locked row is told after 5 s, and once a minute from then on",
    arguments: [(4, 0), (6, 1), (50, 1), (70, 2), (130, 3)]
  )
  func blockedOutcome(seconds: Int, lines: Int) {
    let driver = MachineDriver()
    driver.claimed(1...1)
    startAll(driver) { attempt in
      driver.complete(attempt)
    }
    let end = driver.now.advanced(by: .seconds(seconds))
    while driver.now < end {
      if driver.exchange?.settlements.isEmpty == false {
        driver.answerExchange([.busy])
      } else {
        driver.answerExchange()
      }
      driver.answer(.renewed([.renewed])) { $0.isRenewal }
      driver.wait(.milliseconds(100))
    }
    let waits = driver.events.compactMap {
      if case .outcomeBlocked(let task, let wait) = $0 { (task.id, wait) } else { nil }
    }
    #expect(waits.count == lines)
    #expect(waits.allSatisfy { $0.0 == TaskID(1) && $0.1 >= .seconds(5) })
    #expect(driver.machine.held.count == 1, "it is kept")
  }

  @Test("The answer of an exchange that was given up still counts")
  func lateAnswer() {
    let driver = MachineDriver { $0.lease = .seconds(6) }
    var ticket = driver.takeUpExchange()
    driver.wait(.seconds(4))
    #expect(driver.events.contains { if case .storeFailed = $0 { true } else { false } })
    let exchange = Exchange(claimed: [MachineDriver.task(7)])
    driver.end(&ticket, .exchanged(exchange))
    #expect(driver.machine.held[TaskID(7)] != nil, "it is ours in truth")
  }

  // MARK: Leases and timeouts (32, 35)

  @Test("S32 The end of a lease is noticed while every call hangs")
  func leaseEnds() {
    let driver = MachineDriver { $0.lease = .seconds(6) }
    driver.claimed(1...1)
    startAll(driver) { attempt in attempt.takeTicket().redeem() }
    driver.wait(.seconds(2))
    #expect(driver.orders.contains { $0.call.isRenewal })
    driver.wait(.seconds(4))
    #expect(driver.cancelled == driver.runners)
    #expect(driver.events.contains { if case .leaseLost = $0 { true } else { false } })
  }

  @Test("S5 A lease that could not be renewed, as the row is locked, goes on and is renewed again within a second")
  func lockedRenewal() {
    let driver = MachineDriver { $0.lease = .seconds(60) }
    driver.claimed(1...2)
    startAll(driver) { attempt in attempt.takeTicket().redeem() }
    driver.wait(.seconds(19))
    for _ in 0..<60 {
      driver.wait(.seconds(1))
      let renewals = driver.orders.compactMap { if case .renew(let claims, _) = $0.call { claims } else { nil } }
      #expect(renewals.first?.contains { $0.id == TaskID(1) } == true)
      driver.answer(.renewed((renewals.first ?? []).map { $0.id == TaskID(1) ? .busy : .renewed })) { $0.isRenewal }
    }
    #expect(driver.cancelled.isEmpty, "nobody can claim it while it is locked")
    driver.wait(.seconds(1))
    driver.answer(.renewed([.renewed, .renewed])) { $0.isRenewal }
    driver.wait(.seconds(2))
    #expect(!driver.orders.contains { $0.call.isRenewal }, "as seldom as before")
  }

  @Test(
    "S35 An attempt cancelled while its outcome is worked out ends its runner: the next one there would be cancelled for it"
  )
  func lateCancellation() {
    let driver = MachineDriver(timeout: .seconds(2))
    driver.claimed(1...1)
    let runner = driver.runners[0]
    guard let attempt = driver.start(runner) else {
      Issue.record("it does not start")
      return
    }
    // The handler has ended, and nobody wants it cancelled.
    let reason = driver.machine.standing(of: attempt.task.claim, on: runner).cancelReason
    #expect(reason == nil)
    driver.wait(.seconds(2))
    #expect(driver.cancelled == [runner])
    let goesOn = driver.complete(attempt)
    #expect(!goesOn, "its Swift task is cancelled")
    #expect(driver.machine.outcomes.count == 1, "its outcome counts all the same")
  }

  @Test("S35 A handler that ignores its timeout is given up after the grace time; its slot is free, its task judged")
  func givenUp() {
    let driver = MachineDriver(timeout: .seconds(2)) {
      $0.concurrency = 1
      $0.maxPrefetch = 0
    }
    driver.claimed(1...1)
    startAll(driver) { attempt in attempt.takeTicket().redeem() }
    driver.wait(.seconds(2))
    #expect(driver.cancelled.count == 1)
    #expect(driver.judged.isEmpty)
    driver.wait(.seconds(5))
    #expect(driver.judged == [.timeout])
    driver.answerExchange(claimed: [MachineDriver.task(2)])
    #expect(driver.exchange?.settlements.count == 1)
    #expect(driver.runners.count == 2, "another runner takes the slot")
    #expect(!driver.starts(driver.runners[0]), "the stray one gets nothing any more")
  }

  @Test(
    "S35 Handlers that block Swift's threads are named once; where the threads answer nobody is",
    arguments: [1, 3, 10]
  )
  func blockedThreads(count: Int64) {
    for answers in [false, true] {
      let driver = MachineDriver()
      driver.claimed(1...count)
      startAll(driver) { attempt in attempt.takeTicket().redeem() }
      for _ in 1...40 {
        driver.wait(.milliseconds(100))
        if answers { driver.change { machine, _ in machine.poolAnswered() } }
      }
      let named = driver.events.compactMap { if case .handlersBlock(let types, _) = $0 { types } else { nil } }
      #expect(named.first == (answers ? nil : ["t": Int(count)]))
      #expect(named.count <= 2)
    }
  }

  // MARK: Looks (33)

  @Test("S33 A look that was put off for want of a slot is what the next free slot does")
  func putOffLook() {
    let driver = MachineDriver {
      $0.concurrency = 1
      $0.maxPrefetch = 0
    }
    driver.answerExchange(claimed: [MachineDriver.task(1)], mayHaveMore: true)
    startAll(driver) { attempt in
      driver.wait(.seconds(5))
      driver.complete(attempt)
    }
    let claims = driver.orders.compactMap { order in
      if case .exchange(_, let claim?) = order.call { claim } else { nil }
    }
    #expect(claims.contains { $0.scope.isLook }, "not a claim at the position")
  }

  @Test("S33 A look that another worker's kept from looking is repeated soon, and at last made without asking")
  func deniedLook() {
    let driver = MachineDriver()
    var scopes: [Bool] = []
    for _ in 1...8 {
      guard let claim = driver.exchange?.claim else { break }
      if case .everything = claim.scope { scopes.append(true) } else { scopes.append(false) }
      driver.answer(.exchanged(Exchange(lookedAtEverything: !claim.scope.isLook))) { $0.isExchange }
      driver.wait(.milliseconds(300))
    }
    #expect(scopes.contains(true))
  }

  @Test(
    "S33 After an outage of any length the store is asked again within seconds, and looked at as a whole",
    arguments: [1, 20, 3_600]
  )
  func outage(seconds: Int) {
    let driver = MachineDriver()
    let back = driver.now.advanced(by: .seconds(seconds))
    while driver.now < back {
      driver.answer(.failed(TaskQueueError(.storeFailed, "down", isRetrySafe: true))) { _ in true }
      driver.wait(min(driver.now.duration(to: driver.wakeAt), driver.now.duration(to: back)))
    }
    var looked: WorkerClock.Instant?
    while looked == nil, back.duration(to: driver.now) < .seconds(60) {
      if driver.exchange?.claim?.scope.isLook == true { looked = driver.now }
      driver.answerExchange()
      driver.wait(.milliseconds(10))
    }
    #expect(looked.map { back.duration(to: $0) <= .seconds(2) } == true)
    #expect(driver.events.contains { if case .storeBack = $0 { true } else { false } })
  }

  // MARK: Shutdown (32)

  @Test("S32 A shutdown ends within its grace times and one deadline, while nothing answers", arguments: [true, false])
  func shutdown(isRunning: Bool) {
    let driver = MachineDriver {
      $0.shutdownGrace = .seconds(6)
      $0.cancellationGrace = .seconds(1)
      $0.lease = .seconds(60)
    }
    driver.claimed(1...3)
    if isRunning { startAll(driver) { attempt in attempt.takeTicket().redeem() } }
    driver.change { machine, now in machine.drain(at: now) }
    let start = driver.now
    while !driver.machine.isOver, start.duration(to: driver.now) < .seconds(60) {
      driver.wait(min(.milliseconds(100), max(.milliseconds(1), driver.now.duration(to: driver.wakeAt))))
    }
    #expect(start.duration(to: driver.now) <= .seconds(17) + .milliseconds(100))
    #expect(driver.events.contains { if case .outcomesLeft = $0 { true } else { false } })
  }

  @Test("S26 Draining hands queued tasks back and starts none")
  func draining() {
    let driver = MachineDriver()
    driver.claimed(1...3)
    driver.change { machine, now in machine.drain(at: now) }
    for runner in driver.runners { #expect(!driver.starts(runner)) }
    #expect(driver.exchange?.settlements.count == 3)
    driver.answerExchange()
    driver.turn()
    #expect(driver.machine.isOver)
  }

  // MARK: Clocks

  @Test("A store's clock that jumps ahead is told, and leases are judged by the expected time for one lease")
  func clockJump() {
    let driver = MachineDriver { $0.lease = .seconds(60) }
    let date = Date(timeIntervalSince1970: 1e9)
    driver.answer(.exchanged(Exchange(storeTime: date))) { $0.isExchange }
    driver.wait(.seconds(1))
    driver.answer(.exchanged(Exchange(storeTime: date + 3_601))) { $0.isExchange }
    #expect(driver.events.contains { if case .clockJumped = $0 { true } else { false } })
    driver.wait(.seconds(2))
    let judged = driver.exchange?.claim?.leasesAt
    #expect(judged.map { $0 < date + 10 } == true)
    for second in 3...70 {
      driver.answer(.exchanged(Exchange(storeTime: date + 3_600 + Double(second)))) { $0.isExchange }
      driver.wait(.seconds(1))
    }
    #expect(driver.exchange?.claim?.leasesAt.map { $0 > date + 3_600 } == true)
  }

  @Test(
    "A store's clock that jumps is told, one that drifts is not",
    arguments: [3_600, 30, 0.2, 0, -0.2, -30, -3_600]
  )
  func clockJumps(seconds: Double) {
    let driver = MachineDriver { $0.lease = .seconds(60) }
    let date = Date(timeIntervalSince1970: 1e9)
    driver.answer(.exchanged(Exchange(storeTime: date))) { $0.isExchange }
    driver.wait(.seconds(1))
    driver.answer(.exchanged(Exchange(storeTime: date + 1 + seconds))) { $0.isExchange }
    let jumps = driver.events.compactMap { if case .clockJumped(let jump) = $0 { jump } else { nil } }
    #expect(jumps.count == (abs(seconds) > 20 ? 1 : 0))
    #expect(jumps.allSatisfy { abs($0 / .seconds(1) - seconds) < 1 })
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
