import Foundation
import Libpq
import Logging
import Synchronization
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit

/// One of the backlog: its handler takes a moment and touches no database.
struct Work: TaskPayload {
  static let taskType: TaskType = "fault.work"
  var number: Int64
}

/// Makes an external call by an effect.
struct Charge: TaskPayload {
  static let taskType: TaskType = "fault.charge"
  var number: Int64
}

/// What the enqueuer enqueues. Nobody handles it.
struct Order: TaskPayload {
  static let taskType: TaskType = "fault.order"
  var number: Int64
}

/// For the idle worker.
struct Ping: TaskPayload {
  static let taskType: TaskType = "fault.ping"
  var number: Int64
}

/// Runs until it is cancelled.
struct Stay: TaskPayload {
  static let taskType: TaskType = "fault.stay"
  var number: Int64
}

/// Holds a connection of the app in a transaction, or a thread, for so long.
struct Hold: TaskPayload {
  static let taskType: TaskType = "fault.hold"
  var milliseconds: Int
  var blocksThread: Bool
}

/// An app in the midst of its work: a worker with a backlog, a caller that enqueues on the same store, a second worker that waits for a wake-up,
/// and a third one that is to be shut down.
final class FaultApp: Sendable {
  static let lease = Duration.seconds(6)
  /// A third of the lease (32).
  static let callLimit = lease / 3
  static let shutdownGrace = Duration.seconds(2)
  static let cancellationGrace = Duration.seconds(1)
  static let maxConnections = 4
  static let concurrency = 16
  static let chargeCount = 4
  static let stayCount = 3
  /// Of the idle worker, which is to be seen to be woken.
  static let idlePollInterval = Duration.seconds(2)
  private static let workTime = Duration.milliseconds(250)
  private static let providerTime = Duration.seconds(1)

  let site: FaultSite
  let journal = Journal()
  let client: TaskClient<PostgresTaskStore>
  let worker: RunningWorker
  let idle: RunningWorker
  let leaving: RunningWorker
  private let stores: [PostgresTaskStore]
  private let enqueuer: Mutex<Task<Void, Never>?> = Mutex(nil)

  /// Starts the workers.
  init(_ site: FaultSite) throws {
    self.site = site
    func store(_ name: String) throws -> PostgresTaskStore {
      try PostgresTaskStore(.init(site.connection(name), maxConnections: Self.maxConnections))
    }
    stores = [try store("app"), try store("idle"), try store("leaving")]
    client = TaskClient(store: stores[0])
    worker = try RunningWorker(stores[0], try Self.workHandlers(client, journal)) { _ in }
    idle = try RunningWorker(stores[1], try Self.idleHandlers(journal)) {
      $0.queues = ["idle"]
      ($0.minPollInterval, $0.maxPollInterval) = (Self.idlePollInterval, Self.idlePollInterval)
    }
    leaving = try RunningWorker(stores[2], try Self.leavingHandlers(journal)) { $0.queues = ["leaving"] }
  }

  /// Returns when everything is under way.
  ///
  /// - Parameter backlog: so many tasks for the worker.
  func start(backlog: Int) async throws {
    try await client.enqueue(all: (0..<Int64(backlog)).map { Work(number: $0) })
    let stay = EnqueueOptions.with { $0.queue = "leaving" }
    try await client.enqueue(all: (0..<Int64(Self.stayCount)).map { Stay(number: $0) }, options: stay)
    startEnqueuer()
    try await eventually("all are at work", within: .seconds(30)) { [journal] in
      let now = journal.now
      return now.starts.count > 2 * Self.concurrency && now.calls.count > 2 && now.held == Self.stayCount
    }
    while try await !ping().wasHeard {}
    journal.note { $0.probes = [] }
  }

  /// Ends the workers, and waits for at most their longest shutdown.
  func close() async {
    stopEnqueueing()
    for worker in [worker, idle, leaving] { worker.shutDown() }
    for worker in [worker, idle, leaving] {
      try? await eventually("run() returns", within: .seconds(30)) { worker.endedAt != nil }
    }
    for store in stores { await store.close() }
  }

  // MARK: - Handlers

  private static func workHandlers(
    _ client: TaskClient<PostgresTaskStore>,
    _ journal: Journal
  ) throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(Work.self) { work, _ in
      let now = ContinuousClock.now
      journal.note { $0.starts.append((work.number, now)) }
      try await Task.sleep(for: workTime)
      return .completed
    }
    let options = TaskHandlerOptions(retry: .fixed(.milliseconds(500)), maxAttempts: 1_000)
    try handlers.register(Charge.self, options: options) { charge, context in
      do {
        _ = try await context.effects.perform("charge", request: charge.number) { _ in
          journal.note { $0.charges[charge.number, default: 0] += 1 }
          // The provider has it; its answer takes a while.
          try await Task.sleep(for: providerTime)
          return charge.number
        } reconcile: { _ in
          let isThere = journal.now.charges[charge.number] != nil
          journal.note { $0.lookUps += 1 }
          return isThere ? .happened(charge.number) : .didNotHappen
        }
      } catch {
        journal.note { $0.chargeErrors.append("\(error)") }
        throw error
      }
      let now = ContinuousClock.now
      journal.note { $0.chargesDone[charge.number] = now }
      return .completed
    }
    try handlers.register(Hold.self) { hold, _ in
      journal.note { $0.holdersStarted += 1 }
      defer { journal.note { $0.holdersEnded += 1 } }
      if hold.blocksThread {
        usleep(UInt32(hold.milliseconds) * 1_000)
      } else {
        try await client.withTransaction { transaction in
          _ = try await transaction.query("SELECT 1")
          try await Task.sleep(for: .milliseconds(hold.milliseconds))
        }
      }
      return .completed
    }
    return handlers
  }

  private static func idleHandlers(_ journal: Journal) throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(Ping.self) { ping, _ in
      let now = ContinuousClock.now
      journal.note { $0.probeStarts[ping.number] = $0.probeStarts[ping.number] ?? now }
      return .completed
    }
    return handlers
  }

  private static func leavingHandlers(_ journal: Journal) throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(Stay.self) { _, _ in
      journal.note { $0.held += 1 }
      try await Task.sleep(for: .seconds(3_600))
      return .completed
    }
    return handlers
  }

  // MARK: - Callers

  /// One call after another, as an app's request handlers make them.
  private func startEnqueuer() {
    let task = Task { [client, journal] in
      let options = EnqueueOptions.with { $0.queue = "orders" }
      var number: Int64 = 0
      while !Task.isCancelled {
        number += 1
        let began = ContinuousClock.now
        var failure: TaskQueueError?
        do throws(TaskQueueError) {
          try await client.enqueue(Order(number: number), options: options)
        } catch { failure = error }
        let call = Journal.Call(number: number, began: began, ended: .now, error: failure)
        if !Task.isCancelled { journal.note { $0.calls.append(call) } }
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
    enqueuer.withLock { $0 = task }
  }

  func stopEnqueueing() { enqueuer.withLock { $0?.cancel() } }

  /// Has the administrator enqueue a task for the idle worker, and waits for its start.
  @discardableResult
  func ping() async throws -> Journal.Probe {
    journal.note { $0.pings += 1 }
    let number = journal.now.pings
    let enqueued = ContinuousClock.now
    var probe = Journal.Probe(enqueued: enqueued, started: nil)
    let sql = "SELECT taskqueue.enqueue('fault.ping', json_build_object('number', $1::bigint), queue => 'idle')"
    if (try? await site.query(sql, [.int8(number)], within: .seconds(1))) != nil {
      try await eventually("the idle worker starts a task", within: .seconds(200)) { [journal] in
        journal.now.probeStarts[number] != nil
      }
      probe = Journal.Probe(enqueued: enqueued, started: journal.now.probeStarts[number])
    }
    journal.note { [probe] in $0.probes.append(probe) }
    return probe
  }

  /// Enqueues tasks with effects, and returns when the provider is working on them.
  func startCharges() async throws {
    let options = EnqueueOptions.with { $0.priority = 1 }
    try await client.enqueue(all: (0..<Int64(Self.chargeCount)).map { Charge(number: $0) }, options: options)
    try await eventually("the provider is called", within: .seconds(20)) { [journal] in
      journal.now.charges.count == Self.chargeCount
    }
  }

  /// Enqueues handlers that hold what others need.
  func startHolders(_ count: Int, for length: Duration, blockingThreads: Bool) async throws {
    let hold = Hold(milliseconds: Int(length / .milliseconds(1)), blocksThread: blockingThreads)
    let options = EnqueueOptions.with { $0.priority = 0 }
    try await client.enqueue(all: Array(repeating: hold, count: count), options: options)
  }
}

/// A worker whose `run()` is under way.
final class RunningWorker: Sendable {
  private let worker: TaskWorker
  private let end = Mutex<ContinuousClock.Instant?>(nil)

  init(
    _ store: PostgresTaskStore,
    _ handlers: TaskHandlers,
    _ change: (inout TaskWorkerConfiguration) -> Void
  ) throws {
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = FaultApp.concurrency
    configuration.maxPrefetch = 0
    configuration.lease = FaultApp.lease
    configuration.shutdownGrace = FaultApp.shutdownGrace
    configuration.cancellationGrace = FaultApp.cancellationGrace
    change(&configuration)
    let logger = Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }
    worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: logger)
    Task {
      try? await worker.run()
      end.withLock { $0 = .now }
    }
  }

  /// When `run()` returned.
  var endedAt: ContinuousClock.Instant? { end.withLock { $0 } }

  func shutDown() { worker.shutDown() }

  /// Shuts down later, by a thread that nothing else waits for.
  /// - Returns: the instant, once it is over.
  func shutDown(after delay: Duration) -> @Sendable () -> ContinuousClock.Instant? {
    let asked = Box()
    Thread.detachNewThread { [worker] in
      Thread.sleep(forTimeInterval: delay / .seconds(1))
      asked.instant.withLock { $0 = .now }
      worker.shutDown()
    }
    return { asked.instant.withLock { $0 } }
  }

  private final class Box: Sendable {
    let instant = Mutex<ContinuousClock.Instant?>(nil)
  }
}
