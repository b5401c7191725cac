import Libpq
import Synchronization
import TaskQueue
import TaskQueueTestKit

/// Drives an app through one fault.
struct FaultBench {
  /// From the fault's begin until the third worker is told to shut down: the fault is in full swing, and the lease not over.
  static let shutdownDelay = Duration.milliseconds(1_500)
  /// What is slower than this fails in any case.
  private static let patience = Duration.seconds(60)

  let fault: Fault
  let length: Duration

  /// - Throws: ``NotRun``; what should not fail and did.
  func run() async throws -> Observations {
    let site = try await FaultSite(fault.route, settings: fault.settings)
    var tearDown: Fault.End?
    let result: Result<Observations, any Error>
    do {
      tearDown = try await fault.setUp(site)
      result = .success(try await run(at: site))
    } catch { result = .failure(error) }
    await site.close()
    try await tearDown?()
    return try result.get()
  }

  private func run(at site: FaultSite) async throws -> Observations {
    // Enough for the worker to have work throughout: it gets through 64 a second.
    let backlog = Int(64 * min(length / .seconds(1) + 20, 60))
    let app = try FaultApp(site)
    do {
      try await app.start(backlog: backlog)
      let observations = try await observe(app)
      await app.close()
      return observations
    } catch {
      await app.close()
      throw error
    }
  }

  private func observe(_ app: FaultApp) async throws -> Observations {
    try await app.startCharges()
    let begun = ContinuousClock.now
    let end = try await fault.begin(app, length)
    let shutdownAsked = app.leaving.shutDown(after: Self.shutdownDelay)
    let ended = Mutex<ContinuousClock.Instant?>(nil)
    let probing = Task {
      while !Task.isCancelled {
        let probes = app.journal.now.probes.suffix(3)
        if let ended = ended.withLock({ $0 }), probes.count == 3,
          probes.allSatisfy({ $0.enqueued > ended && $0.wasHeard })
        {
          return
        }
        try await app.ping()
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    defer { probing.cancel() }
    try? await Task.sleep(for: length - (ContinuousClock.now - begun))
    var handedBack = try? await Self.handedBack(app)
    let ending = ContinuousClock.now
    try await end()
    let endedAt = ContinuousClock.now
    ended.withLock { $0 = endedAt }

    // What does not come in time is missing in the observations.
    try? await eventually("all is as it was", within: Self.patience) {
      let now = app.journal.now
      guard let start = now.starts.last, let call = now.calls.last else { return false }
      return start.at > endedAt && call.began > endedAt && call.error == nil && app.leaving.endedAt != nil
        && now.chargesDone.count == FaultApp.chargeCount
    }
    try await probing.value
    app.stopEnqueueing()
    if handedBack == nil { handedBack = try await Self.handedBack(app) }
    var observations = Observations(
      begun: begun,
      ending: ending,
      ended: endedAt,
      shutdown: app.leaving.endedAt.flatMap { ended in shutdownAsked().map { ended - $0 } },
      handedBack: handedBack ?? 0,
      entries: app.journal.now
    )
    try await look(app, &observations)
    return observations
  }

  /// How many tasks of the third worker are free, as if they had not been begun. At the fault's end if the server can say so: afterwards a
  /// claim may arrive that was sent long before, by a connection that is given up.
  private static func handedBack(_ app: FaultApp) async throws -> Int {
    let sql = "SELECT count(*) FROM taskqueue.task WHERE type = 'fault.stay' AND lease_token IS NULL AND attempt = 0"
    return Int(try await app.site.query(sql, within: .seconds(1))[0].int8(0))
  }

  /// What the tables say in the end.
  private func look(_ app: FaultApp, _ observations: inout Observations) async throws {
    let count =
      "SELECT count(*) FROM taskqueue.task WHERE type = 'fault.order' AND (payload->>'number')::bigint = ANY($1)"
    let calls = observations.entries.calls
    let stored = calls.filter { $0.error == nil }.map(\.number)
    observations.lostOrders = stored.count - (try await app.site.number(count, [.int8Array(stored)]))
    let refused = calls.filter { $0.error?.code == .storeFailed }.map(\.number)
    observations.falselyRefusedOrders = try await app.site.number(count, [.int8Array(refused)])

    // What was never begun goes; what was has to end, which takes a lease at most.
    try await app.site.query("DELETE FROM taskqueue.task WHERE type = 'fault.work' AND attempt = 0")
    let open = "SELECT count(*) FROM taskqueue.task WHERE type IN ('fault.work', 'fault.charge', 'fault.hold')"
    try? await eventually("all outcomes are recorded", within: FaultApp.lease + .seconds(10)) {
      try await app.site.number(open) == 0
    }
    observations.openTasks = try await app.site.number(open)
    observations.deadLetters = try await app.site.number("SELECT count(*) FROM taskqueue.dead_task")
    observations.repeatedTasks = app.journal.repeatedTasks
  }
}
