import ChildProcesses
import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit

/// As in the crash test worker, which writes one row to `effect` in the transaction that completes it.
struct CrashTask: TaskPayload {
  static let taskType: TaskType = "test.crash"
  var number: Int64
}

/// As in the crash test worker: an effect whose provider is the table `execution`, and one row of `payment` in its completion.
struct EffectCrashTask: TaskPayload {
  static let taskType: TaskType = "test.effect"
  var number: Int64
  var isRecordedInTransaction: Bool
}

/// Worker processes that are stopped with SIGSTOP for longer than their leases, and what they do when they go on.
struct FrozenProcess {
  private static let lease = Duration.seconds(1)
  private static let length = Duration.seconds(4)
  static let title =
    "**SIGSTOP of the worker**, \(length.seconds) with a lease of \(lease.seconds): two processes stand still, two others take over"

  /// From the SIGSTOP until another process has begun all tasks that the frozen one held.
  private var takenOver = Duration.zero
  /// From the SIGCONT until it has completed a task again.
  private var worksAgain = Duration.zero
  private var lateRows = 0
  private var doubledRows = 0
  private var longestCall = Duration.zero
  private var failedCalls = 0
  private var executions = 0
  private var references = 0
  private var payments = 0
  private var shutdown: Duration?

  /// How many of each kind there are to do until both workers are seen at work.
  private static let taskCount = 40
  private static let effectCount = 20
  private var effects: Int64 = 0

  static func run() async throws -> FrozenProcess {
    let site = try await FaultSite(.direct)
    do {
      let frozen = try await run(at: site)
      await site.close()
      return frozen
    } catch {
      await site.close()
      throw error
    }
  }

  private static func run(at site: FaultSite) async throws -> FrozenProcess {
    try await site.execute(
      """
      CREATE TABLE public.effect (number bigint NOT NULL, pid bigint NOT NULL);
      CREATE TABLE public.execution (reference text NOT NULL);
      CREATE TABLE public.payment (number bigint NOT NULL, reference text NOT NULL);
      GRANT ALL ON public.effect, public.execution, public.payment TO app;
      """
    )
    let store = try PostgresTaskStore(.init(site.connection("enqueuer")))
    var frozen = FrozenProcess()
    do {
      try await frozen.observe(site, TaskClient(store: store))
      await store.close()
      return frozen
    } catch {
      await store.close()
      throw error
    }
  }

  /// - Parameter kind: `effects`, or the longest that a handler takes in milliseconds.
  private static func worker(_ site: FaultSite, _ kind: String) throws -> ChildProcess {
    let address = site.connection("worker").connectionString
    let arguments = kind == "effects" ? [kind, address] : [address, "\(Int(lease / .milliseconds(1)))", kind, "4"]
    var command = ChildCommand(ChildCommand.built("CrashTestWorker"), arguments)
    command.output = .shared
    return try ChildProcess(command)
  }

  private mutating func observe(_ site: FaultSite, _ client: TaskClient<PostgresTaskStore>) async throws {
    let held =
      "SELECT id, type, attempt, (payload->>'number')::bigint FROM taskqueue.task WHERE lease_token IS NOT NULL"
    let frozen = [try Self.worker(site, "600"), try Self.worker(site, "effects")]
    var tasks: Int64 = 0
    try await eventually("both are at work") {
      let types = try await site.query(held).rows.map { try $0.text(1) }
      let executions = try await site.number("SELECT count(*) FROM public.execution")
      if types.count(where: { $0 == "test.crash" }) == 4, types.contains("test.effect"), executions > 1 { return true }
      // However late one of them starts, the other doesn't run out of work.
      let left = "SELECT count(*) FROM taskqueue.task WHERE type = $1"
      for _ in try await site.number(left, [.text("test.crash")])..<Self.taskCount {
        try await client.enqueue(CrashTask(number: tasks))
        tasks += 1
      }
      for _ in try await site.number(left, [.text("test.effect")])..<Self.effectCount {
        try await client.enqueue(EffectCrashTask(number: effects, isRecordedInTransaction: effects % 2 == 0))
        effects += 1
      }
      return false
    }

    let stopped = try await Self.stop(frozen, site)
    let rows = try await site.query(held).rows.map {
      (id: try $0.int8(0), type: try $0.text(1), number: try $0.int8(3))
    }
    let others = [try Self.worker(site, "600"), try Self.worker(site, "effects")]
    let ids = LibpqValue.int8Array(rows.map { $0.id })
    // Begun anew, or done: then the row is gone.
    let waiting = "SELECT count(*) FROM taskqueue.task WHERE id = ANY($1) AND attempt < 2"
    try await eventually("they are taken over") { try await site.number(waiting, [ids]) == 0 }
    takenOver = ContinuousClock.now - stopped
    try await enqueue(client, until: stopped + Self.length)

    frozen[1].closeInput()
    for process in frozen { process.send(SIGCONT) }
    let continued = ContinuousClock.now
    try await client.enqueue(all: (0..<Int64(Self.taskCount)).map { CrashTask(number: 10_000 + $0) })
    if await frozen[1].waitForExit(atMost: .seconds(60)) { shutdown = ContinuousClock.now - continued }
    let own = LibpqValue.int8(Int64(frozen[0].id))
    let again = "SELECT count(*) FROM public.effect WHERE pid = $1 AND number >= 10000"
    try await eventually("it works again", within: .seconds(30)) { try await site.number(again, [own]) > 0 }
    worksAgain = ContinuousClock.now - continued
    try await eventually("all tasks are done") {
      let sql = "SELECT count(*) FROM taskqueue.task WHERE type IN ('test.crash', 'test.effect')"
      return try await site.number(sql) == 0
    }
    for process in [frozen[0]] + others { process.closeInput() }
    for process in frozen + others { await process.waitForExit() }

    let numbers = LibpqValue.int8Array(rows.filter { $0.type == "test.crash" }.map { $0.number })
    lateRows = try await site.number(
      "SELECT count(*) FROM public.effect WHERE pid = $1 AND number = ANY($2)",
      [own, numbers]
    )
    doubledRows = try await site.number("SELECT count(*) - count(DISTINCT number) FROM public.effect")
    executions = try await site.number("SELECT count(*) FROM public.execution")
    references = try await site.number("SELECT count(DISTINCT reference) FROM public.execution")
    payments = try await site.number("SELECT count(DISTINCT number) FROM public.payment")
  }

  /// Stops processes while no transaction of theirs is open: one that has completed its task keeps it from all others until its connection ends.
  private static func stop(_ processes: [ChildProcess], _ site: FaultSite) async throws -> ContinuousClock.Instant {
    let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state LIKE 'idle in transaction%'"
    while true {
      for process in processes { process.send(SIGSTOP) }
      let stopped = ContinuousClock.now
      // What was sent before is done after that.
      try await Task.sleep(for: .milliseconds(100))
      if try await site.number(open) == 0 { return stopped }
      for process in processes { process.send(SIGCONT) }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// As another process of the app does meanwhile.
  private mutating func enqueue(_ client: TaskClient<PostgresTaskStore>, until end: ContinuousClock.Instant)
    async throws
  {
    let options = EnqueueOptions.with { $0.queue = "orders" }
    while ContinuousClock.now < end {
      let began = ContinuousClock.now
      do { try await client.enqueue(Order(number: 0), options: options) } catch { failedCalls += 1 }
      longestCall = max(longestCall, ContinuousClock.now - began)
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  // MARK: - Results

  var cells: [String] {
    let returns = shutdown.map { "`run()` returns \($0.seconds) after the SIGCONT" } ?? "**`run()` does not return**"
    return [
      """
      all its tasks begun by others \(takenOver.seconds) after the SIGSTOP; its late outcomes refused, \(doubledRows) rows doubled; \
      works again \(worksAgain.seconds) after the SIGCONT
      """,
      "\(failedCalls) errors; longest call \(longestCall.seconds)",
      "\(references) tasks, \(executions) calls, \(payments) payments",
      "not measured: these workers poll every 0.1 s at least",
      "asked for meanwhile: \(returns)",
    ]
  }

  /// What was promised and is not so.
  var broken: [String] {
    var broken: [String] = []
    func check(_ holds: Bool, _ promise: String) { if !holds { broken.append(promise) } }
    check(takenOver <= Self.lease + .seconds(4), "Its tasks are taken over within 2 s of their leases' end.")
    check(lateRows == 0 && doubledRows == 0, "Its late outcomes are refused.")
    check(failedCalls == 0 && longestCall < .seconds(3), "Others enqueue as before.")
    check(executions == effects && references == effects, "Each effect's call is made once.")
    check(payments == effects, "Each payment is recorded.")
    check(shutdown.map { $0 < .seconds(10) } ?? false, "A shutdown asked for meanwhile ends soon.")
    return broken
  }
}
