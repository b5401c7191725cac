import SeededRandom
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One task with one effect under random crashes, lost and late answers, late requests, lost leases and overlapping attempts,
/// against a provider without idempotency: it executes at most once after every step, and in the end exactly what the ledger
/// says. The same seed gives the same run.
///
/// ```swift
/// @Test(arguments: [1, 2, 3] as [UInt64])
/// func once(seed: UInt64) async throws { try await EffectModelRun.run(seed: seed, on: MyHarness()) }
/// ```
@_spi(Store) public struct EffectModelRun {
  /// An attempt and the gate it stands at.
  private struct Standing {
    let attempt: SimulatedAttempt
    var gate: EffectGate
    /// When its last leave to call was given.
    var intendedAt: Duration = .zero
  }

  private let probe: EffectProbe
  private let canAsk: Bool
  private let clock = ModelClock()
  private var generator: SeededGenerator
  private var model = EffectModel()
  private var attempts: [Standing] = []
  private var log: [String] = []
  private var isCalm = false
  private var isDone = false

  /// - Parameter harness: of an empty store.
  /// - Throws: ``ConformanceFailure`` with the seed and the last steps.
  public static func run(seed: UInt64, steps: Int = 60, on harness: any EffectLedgerHarness) async throws {
    var run = EffectModelRun(probe: EffectProbe(harness), seed: seed)
    do { try await run.run(steps: steps) } catch {
      throw ConformanceFailure("seed \(seed): \(error). Last steps: \(run.log.suffix(25).joined(separator: "; "))")
    }
  }

  private init(probe: EffectProbe, seed: UInt64) {
    self.probe = probe
    canAsk = !seed.isMultiple(of: 4)
    generator = SeededGenerator(seed: seed)
  }

  private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 1...100, using: &generator) <= percent }

  private mutating func run(steps: Int) async throws {
    let id = try await probe.tasks.enqueue().id
    // A structured group: every attempt ends before the run does.
    let failure: (any Error)? = await withDiscardingTaskGroup { group in
      var failure: (any Error)?
      do {
        for _ in 1...steps where !isDone { try await step(id, in: &group) }
        isCalm = true
        for _ in 1...400 where !isDone { try await step(id, in: &group) }
        try await check(id)
      } catch { failure = error }
      for standing in attempts { standing.attempt.die() }
      return failure
    }
    if let failure { throw failure }
  }

  /// In the calm end nothing crashes and nothing is lost, but time goes on.
  private mutating func step(_ id: TaskID, in group: inout DiscardingTaskGroup) async throws {
    if !isCalm, !attempts.isEmpty, chance(12) {
      let victim = attempts.remove(at: Int.random(in: attempts.indices, using: &generator))
      log.append("crash at \(victim.gate)")
      victim.attempt.die()
    } else if attempts.isEmpty || !isCalm && chance(25) {
      // Often at once, or while requests are on their way; now and then past the lease.
      let seconds = chance(60) ? Int.random(in: 0...8, using: &generator) : Int.random(in: 10...80, using: &generator)
      try await advance(by: .seconds(seconds))
      try await start(id, in: &group)
    } else {
      try await goOn(Int.random(in: attempts.indices, using: &generator))
    }
    try require(model.worst <= 1, "the provider executed twice")
  }

  private mutating func advance(by duration: Duration) async throws {
    log.append("\(duration) pass")
    model.advance(by: duration)
    clock.advance(by: duration)
    try await probe.advance(by: duration)
    // A call is cancelled at its limit, and nothing of it arrives afterwards.
    for index in attempts.indices.reversed() {
      guard case .request = attempts[index].gate else { continue }
      guard model.now >= attempts[index].intendedAt + EffectModel.latestArrival else { continue }
      log.append("call limit")
      try await proceed(index, .lose)
    }
  }

  private mutating func start(_ id: TaskID, in group: inout DiscardingTaskGroup) async throws {
    guard let task = try await probe.tasks.claim(limit: 1).first else { return }
    log.append("attempt \(task.attempt)")
    let attempt = SimulatedAttempt(task)
    let (ledger, clock, canAsk) = (probe.ledger, clock, canAsk)
    group.addTask { await attempt.run(ledger, clock: clock, canAsk: canAsk) }
    guard case .reached(let gate) = await attempt.next() else { return }
    attempts.append(Standing(attempt: attempt, gate: gate))
  }

  /// Lets one attempt make its next step, with an answer of the world.
  private mutating func goOn(_ index: Int) async throws {
    log.append("\(attempts[index].attempt.task.attempt) passes \(attempts[index].gate)")
    switch attempts[index].gate {
    case .begin, .end, .ended: try await proceed(index, .goOn)
    case .began(let decision):
      if case .call = decision { attempts[index].intendedAt = model.now }
      try await proceed(index, .goOn)
    case .request(let call): try await proceed(index, answer(to: call, intendedAt: attempts[index].intendedAt))
    case .lookup(let call):
      let truth: EffectInquiry<String> = model.knows(call.key) ? .happened("paid") : .didNotHappen
      let isUnsure = !isCalm && chance(20)
      try await proceed(index, isUnsure ? .lose : .found(!isCalm && chance(15) ? .stillUnknown : truth))
    }
  }

  private mutating func answer(to call: EffectCall, intendedAt: Duration) -> GateAnswer {
    let choice = isCalm ? 1 : Int.random(in: 1...100, using: &generator)
    switch choice {
    case ...40:
      model.execute(call.key)
      return .goOn
    case ...60:
      model.execute(call.key)
      return .lose
    case ...75:
      // Never before now: time that has passed since the intent is past.
      let limit = max(model.now, intendedAt + EffectModel.latestArrival)
      model.delay(call.key, until: model.now + (limit - model.now) * Double.random(in: 0...1, using: &generator))
      return .lose
    case ...88: return .lose
    case ...97: return .fail(.temporary("429"))
    default: return .fail(.permanent("no"))
    }
  }

  private mutating func proceed(_ index: Int, _ answer: GateAnswer) async throws {
    let attempt = attempts[index].attempt
    attempt.answer(answer)
    switch await attempt.next() {
    case .reached(let gate):
      attempts[index].gate = gate
      if case .began(.call) = gate { attempts[index].intendedAt = model.now }
    case .finished(let result):
      attempts.remove(at: index)
      try await settle(attempt.task, result)
    }
  }

  private mutating func settle(_ task: ClaimedTask, _ result: Result<String, any Error>) async throws {
    log.append("\(task.attempt) ends with \(result)")
    switch result {
    case .success:
      if try await probe.tasks.settle(task.claim, .complete) { isDone = true }
    case .failure(let error as EffectFailure) where error.kind == .permanent:
      if try await probe.tasks.settle(task.claim, .complete) { isDone = true }
    case .failure(let error as EffectError) where error.code == .parked:
      guard try await probe.tasks.settle(task.claim, .bury(.discarded, detail: nil, nil)) else { return }
      try await resolve(task.claim.id)
    case .failure:
      _ = try await probe.tasks.settle(task.claim, .reschedule(after: .zero, returnsAttempt: true))
    }
  }

  /// A person looks into the provider's books once everything has arrived there.
  private mutating func resolve(_ id: TaskID) async throws {
    try await advance(by: EffectModel.callLimit)
    let key = try await probe.ledger.effects(of: id)[0].key
    let resolution: EffectResolution = model.knows(key) ? .succeeded(Data("\"paid\"".utf8)) : .didNotHappen
    _ = try await probe.ledger.resolveEffect("charge", of: id, as: resolution)
    _ = try await probe.tasks.store.redrive(.all)
  }

  private mutating func check(_ id: TaskID) async throws {
    try require(isDone, "the task never ended")
    model.advance(by: .seconds(1_000))
    try require(model.worst <= 1, "the provider executed twice in the end")
    let record = try await probe.ledger.effects(of: id)[0]
    try requireEqual(model.knows(record.key), record.state == .succeeded, "the provider's books and ours (\(record))")
    try require([.succeeded, .failed].contains(record.state), "the effect ended as \(record.state)")
    try require(!record.isContradicted, "the reports contradict each other")
  }
}
