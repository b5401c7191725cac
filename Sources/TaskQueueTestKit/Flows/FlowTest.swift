import SeededRandom
public import TaskQueue

/// Runs a flow again and again in memory, and lets it crash at every await.
///
/// ```swift
/// try await FlowTest(SignUp(customer: 7)) { run in
///   let bank = FakeBank(run)                                   // its charge calls run.act("charge 7", key: key)
///   try run.emit("card/7", Card("4242"), after: .seconds(60))
///   run.invariant { _ in try #require(bank.accounts == 1) }
///   return try makeHandlers(bank, run.client)
/// }.check()
/// ```
///
/// The flow runs once undisturbed; then once for each place where it can crash: before a call of the flow, after the body of a step and before it is
/// recorded, after that, around each effect, transaction, action and outcome. There its process dies, or it stands still until its lease is over and
/// goes on beside the next attempt, or after it. Then with events that come early, twice, late or never; and then with crashes at random, by seed. Time is
/// virtual: waits, retries and leases cost none.
///
/// A crashed attempt does nothing more before its run has been judged; then its calls throw. What the test's own code sees after that is of no
/// account: make it anew in each run.
///
/// Code in the handler that is no step, effect or action cannot be crashed before and after: call ``FlowTestRun/crashPoint(_:)`` in its fake. A flow whose
/// child tasks race replays only as far as Swift orders them.
public struct FlowTest<Payload: TaskPayload & Sendable>: Sendable {
  private static var maxRandomRuns: Int { 1_000_000 }

  private let payload: Payload
  private let options: FlowTestOptions
  private let setUp: @Sendable (FlowTestRun) async throws -> TaskHandlers

  /// - Parameters:
  ///   - payload: of the flow's task.
  ///   - setUp: makes the handlers, and all they work with; called for each run.
  public init(
    _ payload: Payload,
    options: FlowTestOptions = .init(),
    setUp: @escaping @Sendable (FlowTestRun) async throws -> TaskHandlers
  ) {
    self.payload = payload
    self.options = options
    self.setUp = setUp
  }

  /// Tries everything, until something is wrong. Costs about a millisecond per run.
  ///
  /// - Returns: what was tried.
  /// - Throws: ``FlowTestFailure``; what `setUp` throws.
  @discardableResult public func check() async throws -> FlowTestReport {
    var report = FlowTestReport()
    let calm = try await calmRun()
    report.runs = 1
    report.points = calm.points.map(\.description)
    for timing in timings(after: calm) {
      report.events.append(timing.description)
      let undisturbed = timing == .inTime ? calm : try await trial(.init(.never), timing)
      report.runs += 1
      if undisturbed.ending == .waiting { throw waitsForEver(undisturbed, timing) }
      for crash in crashes(timing) {
        for point in undisturbed.points {
          let endings = endings(timing, undisturbed, isCancelled: crash == .diesCancelled)
          try await trial(.init(.at(point, crash)), timing, endings: endings)
          report.runs += 1
        }
      }
    }
    for number in 0..<UInt64(min(max(0, options.randomRuns), Self.maxRandomRuns)) {
      try await random(options.seed &+ number, after: calm)
      report.runs += 1
    }
    return report
  }

  /// Repeats one random run.
  ///
  /// - Throws: as ``check()``.
  public func check(seed: UInt64) async throws { try await random(seed, after: try await calmRun()) }

  // MARK: Runs

  private func calmRun() async throws -> FlowTestDriver<Payload>.Result {
    let calm = try await trial(.init(.never), .inTime)
    guard calm.ending == options.ending else {
      throw failure(
        "The flow \(calm.ending) without a crash, instead of: \(options.ending).",
        calm,
        .init(.never),
        .inTime
      )
    }
    return calm
  }

  private func crashes(_ timing: FlowEventTiming) -> [FlowCrash] {
    let deaths: [FlowCrash] = options.cancels ? [.dies, .diesCancelled] : [.dies]
    return timing == .inTime ? deaths + [.goesOnBesideNext, .goesOnAfterNext] : deaths
  }

  private func timings(after calm: FlowTestDriver<Payload>.Result) -> [FlowEventTiming] {
    guard !calm.eventKeys.isEmpty else { return [.inTime] }
    var timings: [FlowEventTiming] = [.inTime, .early, .twice]
    for (key, end) in calm.timeouts.sorted(by: { $0.key < $1.key }) where calm.eventKeys.contains(key) {
      timings += [.lost(key), .atTheEnd(key, end), .late(key, end)]
    }
    return timings
  }

  /// How a run that crashes may end.
  private func endings(
    _ timing: FlowEventTiming,
    _ undisturbed: FlowTestDriver<Payload>.Result,
    isCancelled: Bool
  ) -> Set<FlowEnding> {
    var endings = options.alternatives.union([undisturbed.ending])
    if isCancelled { endings.insert(.deadLetter(.cancelled)) }
    switch timing {
    // A crash puts off the wait, or the look after it: the event may be in time then.
    case .atTheEnd, .late: endings.insert(options.ending)
    case .inTime, .early, .twice, .lost: break
    }
    return endings
  }

  private func random(_ seed: UInt64, after calm: FlowTestDriver<Payload>.Result) async throws {
    var generator = SeededGenerator(seed: seed)
    let timing = timings(after: calm).randomElement(using: &generator) ?? .inTime
    let likelihood = Double.random(in: 0.02...0.4, using: &generator)
    let undisturbed = timing == .inTime ? calm : try await trial(.init(.never), timing)
    let endings = endings(timing, undisturbed, isCancelled: options.cancels)
    let plan = FlowCrashPlan(.random(likelihood: likelihood), cancels: options.cancels, generator: generator)
    try await trial(plan, timing, seed: seed, endings: endings)
  }

  /// - Parameter endings: nil: any.
  @discardableResult private func trial(
    _ plan: FlowCrashPlan,
    _ timing: FlowEventTiming,
    seed: UInt64? = nil,
    endings: Set<FlowEnding>? = nil
  ) async throws -> FlowTestDriver<Payload>.Result {
    let driver = try await FlowTestDriver(
      payload,
      options: options,
      plan: plan,
      timing: timing,
      seed: seed ?? 1,
      setUp: setUp
    )
    let result = try await driver.result()
    if let endings, !endings.contains(result.ending) {
      let wanted = endings.map(\.description).sorted().joined(separator: ", or ")
      let cause = result.problem.map { " \($0)" } ?? ""
      throw failure(
        "The flow ended as: \(result.ending); without the crash: \(wanted).\(cause)",
        result,
        plan,
        timing,
        seed
      )
    }
    if let problem = result.problem { throw failure(problem, result, plan, timing, seed) }
    return result
  }

  // MARK: Failures

  private func waitsForEver(_ result: FlowTestDriver<Payload>.Result, _ timing: FlowEventTiming) -> FlowTestFailure {
    failure(
      "The flow waits for ever: for an event without a timeout that does not come any more.",
      result,
      .init(.never),
      timing
    )
  }

  private func failure(
    _ problem: String,
    _ result: FlowTestDriver<Payload>.Result,
    _ plan: FlowCrashPlan,
    _ timing: FlowEventTiming,
    _ seed: UInt64? = nil
  ) -> FlowTestFailure {
    FlowTestFailure(
      problem: problem,
      crash: plan.text,
      events: timing.description,
      seed: seed,
      trace: result.trace,
      underlying: result.underlying
    )
  }
}
