import Metrics
import Synchronization

/// The metrics, labels only queue, type and outcome or reason.
///
/// - `taskqueue_enqueued_total{queue,type}`: tasks stored by a client; in the app's own transaction also if that rolls back.
/// - `taskqueue_attempts_total{queue,type,outcome}`: attempts that ended. The outcome is ``TaskOutcome/name``, `failed` or `cancelled`.
/// - `taskqueue_attempt_duration{queue,type}`: how long attempts ran (a timer).
/// - `taskqueue_dead_total{queue,type,reason}`: tasks that became dead letters.
/// - `taskqueue_unhandled{queue,type}`: due tasks that this worker has no handler for.
enum WorkerMetrics {
  static func unhandled(_ count: TaskCount) {
    Gauge(label: "taskqueue_unhandled", dimensions: lane(count.queue, count.type)).record(count.count)
  }

  static func dead(_ task: ClaimedTask, _ reason: DeadLetterReason) {
    let dimensions = lane(task.queue, task.type) + [("reason", reason.rawValue)]
    Counter(label: "taskqueue_dead_total", dimensions: dimensions).increment()
  }

  static func lane(_ queue: QueueName, _ type: TaskType) -> [(String, String)] {
    [("queue", queue.rawValue), ("type", type.rawValue)]
  }
}

/// Counts what clients store.
struct EnqueueMetrics: TaskMiddleware {
  private let counters = Instruments { dimensions in Counter(label: "taskqueue_enqueued_total", dimensions: dimensions)
  }

  func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
    let results = try await next(tasks)
    var start = tasks.startIndex
    for index in tasks.indices {
      let following = index + 1
      if following < tasks.endIndex, tasks[following].type == tasks[index].type,
        tasks[following].queue == tasks[index].queue
      {
        continue
      }
      counters.instrument(of: tasks[index].queue, tasks[index].type).increment(by: following - start)
      start = following
    }
    return results
  }
}

/// Counts and times the attempts of one type, with all other middleware inside.
struct AttemptMetrics: TaskMiddleware {
  private let clock: WorkerClock
  private let instruments = Instruments(AttemptInstruments.init)

  init(clock: WorkerClock) { self.clock = clock }

  func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome {
    let startedAt = clock.now
    do {
      let outcome = try await next(context)
      ended(context, outcome.name, after: startedAt.duration(to: clock.now))
      return outcome
    } catch {
      ended(context, Task.isCancelled ? "cancelled" : "failed", after: startedAt.duration(to: clock.now))
      throw error
    }
  }

  private func ended(_ context: TaskContext, _ outcome: String, after duration: Duration) {
    instruments.instrument(of: context.queue, context.type).ended(outcome, after: duration)
  }
}

/// The instruments of one queue and type.
private final class AttemptInstruments: Sendable {
  private let dimensions: [(String, String)]
  private let timer: Metrics.Timer
  private let counters = Mutex<[(outcome: String, counter: Counter)]>([])

  init(_ dimensions: [(String, String)]) {
    self.dimensions = dimensions
    timer = Metrics.Timer(label: "taskqueue_attempt_duration", dimensions: dimensions)
  }

  func ended(_ outcome: String, after duration: Duration) {
    timer.recordNanoseconds(duration.wholeNanoseconds)
    let counter = counters.withLock { counters in
      if let known = counters.first(where: { $0.outcome == outcome }) { return known.counter }
      let dimensions = dimensions + [("outcome", outcome)]
      let made = Counter(label: "taskqueue_attempts_total", dimensions: dimensions)
      counters.append((outcome, made))
      return made
    }
    counter.increment()
  }
}

/// Instruments made once per queue and type. A list: there are few, and most often one.
private final class Instruments<Instrument: Sendable>: Sendable {
  private struct Entry {
    let queue: QueueName
    let type: TaskType
    let instrument: Instrument
  }

  private let make: @Sendable ([(String, String)]) -> Instrument
  private let entries = Mutex<[Entry]>([])

  init(_ make: @escaping @Sendable ([(String, String)]) -> Instrument) { self.make = make }

  func instrument(of queue: QueueName, _ type: TaskType) -> Instrument {
    entries.withLock { entries in
      if let known = entries.first(where: { $0.type == type && $0.queue == queue }) { return known.instrument }
      let made = make(WorkerMetrics.lane(queue, type))
      entries.append(Entry(queue: queue, type: type, instrument: made))
      return made
    }
  }
}
