import Metrics

/// What the engine's events count.
final class EventMetrics: Sendable {
  private let dead = CounterSet(.dead)
  private let attempts = CounterSet(.attempts)
  private let retries = CounterSet(.retries)
  private let leasesLost = CounterSet(.leasesLost)
  private let staleOutcomes = CounterSet(.staleOutcomes)
  private let dropped = CounterSet(.retentionDropped)
  private let unhandled = GaugeSet(.unhandled)
  private let unserved = MetricName.unservedQueues.gauge()

  func note(_ event: EngineEvent) {
    switch event {
    case .attemptFailed(let task, _, _, _, nextIn: .some): retries.increment(task.queueName, task.type.rawValue)
    case .deadLetter(let task, let reason, _, _): dead.increment(task.queueName, task.type.rawValue, reason.rawValue)
    case .leaseLost(let task): leasesLost.increment(task.queueName, task.type.rawValue)
    case .outcomeLost(let task): staleOutcomes.increment(task.queueName, task.type.rawValue)
    case .handlerGivenUp(let task, let reason):
      // Its attempt ends now, whenever the handler does.
      attempts.increment(task.queueName, task.type.rawValue, AttemptEnd(nil, reason).name)
    case .unhandled(let counts):
      unhandled.record(
        Dictionary(counts.map { ([$0.queue.rawValue, $0.type.rawValue], Double($0.count)) }, uniquingKeysWith: +)
      )
    case .unserved(let queues): unserved.record(queues.count)
    case .dropped(let report):
      for (kind, count) in report.counts where count > 0 {
        dropped.increment(kind, by: count)
      }
    default: break
    }
  }
}

extension TaskLabel {
  fileprivate var queueName: String { queue?.rawValue ?? "" }
}
