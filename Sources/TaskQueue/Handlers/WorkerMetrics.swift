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
  private let counters = Instruments<Counter>()

  func enqueue(
    _ tasks: [NewTask],
    next: ([NewTask]) async throws(TaskQueueError) -> [EnqueueResult]
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    let results = try await next(tasks)
    var start = tasks.startIndex
    for index in tasks.indices {
      let following = index + 1
      let task = tasks[index]
      if following < tasks.endIndex, tasks[following].type == task.type, tasks[following].queue == task.queue { continue }
      let counter = counters.instrument(task.queue, task.type) { dimensions in
        Counter(label: "taskqueue_enqueued_total", dimensions: dimensions)
      }
      counter.increment(by: following - start)
      start = following
    }
    return results
  }
}

/// Counts and times attempts, with all other middleware inside.
struct AttemptMetrics: TaskMiddleware {
  private let clock: WorkerClock
  private let timers = Instruments<Metrics.Timer>()
  private let counters = Instruments<Counter>()

  init(clock: WorkerClock) { self.clock = clock }

  func attempt(
    _ context: TaskContext,
    next: @Sendable (TaskContext) async throws -> TaskOutcome
  ) async throws -> TaskOutcome {
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
    let timer = timers.instrument(context.queue, context.type) { dimensions in
      Metrics.Timer(label: "taskqueue_attempt_duration", dimensions: dimensions)
    }
    timer.recordNanoseconds(duration.wholeNanoseconds)
    let counter = counters.instrument(context.queue, context.type, outcome) { dimensions in
      Counter(label: "taskqueue_attempts_total", dimensions: dimensions + [("outcome", outcome)])
    }
    counter.increment()
  }
}

/// Instruments made once per label set. A list per type: there are few, and most often one.
private final class Instruments<Instrument: Sendable>: Sendable {
  private struct Entry {
    let queue: QueueName
    let label: String
    let instrument: Instrument
  }

  private let entries = Mutex<[TaskType: [Entry]]>([:])

  func instrument(
    _ queue: QueueName,
    _ type: TaskType,
    _ label: String = "",
    make: ([(String, String)]) -> Instrument
  ) -> Instrument {
    entries.withLock { entries in
      if let known = entries[type]?.first(where: { $0.queue == queue && $0.label == label }) {
        return known.instrument
      }
      let made = make(WorkerMetrics.lane(queue, type))
      entries[type, default: []].append(Entry(queue: queue, label: label, instrument: made))
      return made
    }
  }
}
