import Metrics
import Synchronization

/// The worker's metrics: created once per label set, labels only queue, type and outcome.
///
/// - `taskqueue_attempts_total{queue,type,outcome}`: attempts that ended.
/// - `taskqueue_attempt_duration{queue,type}`: how long handlers ran (a timer).
/// - `taskqueue_unhandled{queue,type}`: due tasks that this worker has no handler for.
final class WorkerMetrics: Sendable {
  private struct Key: Hashable {
    let queue: QueueName
    let type: TaskType
    let outcome: String
  }

  private struct Lane: Hashable {
    let queue: QueueName
    let type: TaskType
  }

  private struct Instruments {
    var attempts: [Key: Counter] = [:]
    var durations: [Lane: Metrics.Timer] = [:]
  }

  private let instruments = Mutex(Instruments())

  func attemptEnded(_ task: ClaimedTask, outcome: String, after duration: Duration) {
    instruments.withLock { instruments in
      let key = Key(queue: task.queue, type: task.type, outcome: outcome)
      if let counter = instruments.attempts[key] {
        counter.increment()
      } else {
        let counter = Counter(
          label: "taskqueue_attempts_total",
          dimensions: [("queue", task.queue.rawValue), ("type", task.type.rawValue), ("outcome", outcome)]
        )
        instruments.attempts[key] = counter
        counter.increment()
      }
      let lane = Lane(queue: task.queue, type: task.type)
      let timer =
        instruments.durations[lane]
        ?? Metrics.Timer(
          label: "taskqueue_attempt_duration",
          dimensions: [("queue", task.queue.rawValue), ("type", task.type.rawValue)]
        )
      instruments.durations[lane] = timer
      timer.recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }
  }

  func unhandled(_ count: TaskCount) {
    Gauge(
      label: "taskqueue_unhandled",
      dimensions: [("queue", count.queue.rawValue), ("type", count.type.rawValue)]
    ).record(count.count)
  }
}
