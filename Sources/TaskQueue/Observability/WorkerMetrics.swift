import Metrics
import Synchronization

/// The worker's metrics: created once per label set, labels only queue, type and outcome.
///
/// - `taskqueue_attempts_total{queue,type,outcome}`: attempts that ended.
/// - `taskqueue_attempt_duration{queue,type}`: how long handlers ran (a timer).
/// - `taskqueue_unhandled{queue,type}`: due tasks that this worker has no handler for.
enum WorkerMetrics {
  static func unhandled(_ count: TaskCount) {
    Gauge(
      label: "taskqueue_unhandled",
      dimensions: [("queue", count.queue.rawValue), ("type", count.type.rawValue)]
    ).record(count.count)
  }

  /// The instruments of one task type.
  final class Attempts: Sendable {
    private struct Lane {
      let queue: QueueName
      let duration: Metrics.Timer
      var counters: [(outcome: String, counter: Counter)] = []
    }

    private let type: TaskType
    /// One per queue; a list, because there are few and most often one.
    private let lanes = Mutex<[Lane]>([])

    init(type: TaskType) { self.type = type }

    func ended(in queue: QueueName, outcome: String, after duration: Duration) {
      let (timer, counter) = lanes.withLock { lanes -> (Metrics.Timer, Counter) in
        let lane = lanes.firstIndex { $0.queue == queue } ?? makeLane(queue, &lanes)
        let known = lanes[lane].counters.first { $0.outcome == outcome }
        return (lanes[lane].duration, known?.counter ?? makeCounter(queue, outcome, &lanes[lane]))
      }
      counter.increment()
      timer.recordNanoseconds(duration.wholeNanoseconds)
    }

    private func makeLane(_ queue: QueueName, _ lanes: inout [Lane]) -> Int {
      let dimensions = [("queue", queue.rawValue), ("type", type.rawValue)]
      lanes.append(Lane(queue: queue, duration: Timer(label: "taskqueue_attempt_duration", dimensions: dimensions)))
      return lanes.count - 1
    }

    private func makeCounter(_ queue: QueueName, _ outcome: String, _ lane: inout Lane) -> Counter {
      let dimensions = [("queue", queue.rawValue), ("type", type.rawValue), ("outcome", outcome)]
      let counter = Counter(label: "taskqueue_attempts_total", dimensions: dimensions)
      lane.counters.append((outcome, counter))
      return counter
    }
  }
}
