import Metrics
import Synchronization

/// What the engine's events count. Instruments are made once per label set; a gauge that has nothing to report any more goes back to 0.
final class EventMetrics: Sendable {
  private struct Lane: Hashable {
    let queue: QueueName
    let type: TaskType
  }

  /// Beyond so many queues and types without a handler, further ones get no gauge of their own.
  private static var maxGauges: Int { 1_000 }

  private let unhandled = Mutex<[Lane: Gauge]>([:])
  private let unserved = Gauge(label: "taskqueue_unserved_queues")

  func note(_ event: EngineEvent) {
    switch event {
    case .deadLetter(let task, let reason, _, _):
      let dimensions = WorkerMetrics.lane(task.queue ?? "", task.type) + [("reason", reason.rawValue)]
      Counter(label: "taskqueue_dead_total", dimensions: dimensions).increment()
    case .handlerGivenUp(let task, let reason):
      // Its attempt ends now, whenever the handler does.
      let dimensions = WorkerMetrics.lane(task.queue ?? "", task.type) + [("outcome", AttemptEnd(nil, reason).name)]
      Counter(label: "taskqueue_attempts_total", dimensions: dimensions).increment()
    case .unhandled(let counts): record(counts)
    case .unserved(let queues): unserved.record(queues.count)
    case .dropped(let report):
      for (kind, count) in report.counts where count > 0 {
        Counter(label: "taskqueue_retention_dropped_total", dimensions: [("kind", kind)]).increment(by: count)
      }
    default: break
    }
  }

  private func record(_ counts: [TaskCount]) {
    var values: [Lane: Int] = [:]
    for count in counts { values[Lane(queue: count.queue, type: count.type), default: 0] += count.count }
    unhandled.withLock { gauges in
      for lane in values.keys where gauges[lane] == nil && gauges.count < Self.maxGauges {
        gauges[lane] = Gauge(label: "taskqueue_unhandled", dimensions: WorkerMetrics.lane(lane.queue, lane.type))
      }
      for (lane, gauge) in gauges { gauge.record(values[lane] ?? 0) }
    }
  }
}
