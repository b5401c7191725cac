import Metrics
import Synchronization

/// The metrics, labels only queue, type and outcome or reason.
///
/// - `taskqueue_enqueued_total{queue,type}`: tasks stored by a client; in the app's own transaction also if that rolls back.
/// - `taskqueue_attempts_total{queue,type,outcome}`: attempts that ended, by ``AttemptEnd/name``.
/// - `taskqueue_attempt_duration{queue,type}`: how long attempts ran (a timer).
/// - `taskqueue_dead_total{queue,type,reason}`: tasks that became dead letters.
/// - `taskqueue_unhandled{queue,type}`: due tasks that this worker has no handler for; 0 once they are gone.
/// - `taskqueue_unserved_queues`: queues with due tasks that no worker takes.
/// - `taskqueue_retention_dropped_total{kind}`: what upkeep dropped because its time was over: `dead_letters`, `effects`, `actions`, `inbox_events`.
enum WorkerMetrics {
  static func lane(_ queue: QueueName, _ type: TaskType) -> [(String, String)] {
    [("queue", queue.rawValue), ("type", type.rawValue)]
  }
}

/// How an attempt ended, as metrics name it.
enum AttemptEnd: Hashable, Sendable {
  case returned(TaskOutcome)
  case failed
  /// Whatever the handler did: its claim had lost the task.
  case leaseLost
  case timedOut
  /// Somebody asked for it.
  case cancelled
  /// Handed back by a shutdown.
  case interrupted
  /// Its flow waits.
  case suspended

  /// - Parameter outcome: what the handler returned; nil: it threw, or nobody waits for it any more.
  init(_ outcome: TaskOutcome?, _ reason: CancelReason?) {
    self =
      switch (reason, outcome) {
      case (.leaseLost, _): .leaseLost
      case (_, let outcome?): .returned(outcome)
      case (.timeout, nil): .timedOut
      case (.requested, nil): .cancelled
      case (.shutdown, nil): .interrupted
      case (nil, nil): .failed
      }
  }

  var name: String {
    switch self {
    case .returned(let outcome): outcome.name
    case .failed: "failed"
    case .leaseLost: "lease_lost"
    case .timedOut: "timed_out"
    case .cancelled: "cancelled"
    case .interrupted: "interrupted"
    case .suspended: "suspended"
    }
  }
}

/// The instruments of attempts, made once per queue and type. The engine tells them, as only it knows why a handler ended.
final class AttemptMetrics: Sendable {
  private let instruments = Instruments(AttemptInstruments.init)

  /// The handler is over. Called once for each.
  /// - Parameter end: nil: it was counted when the handler was given up (``EventMetrics``).
  func ended(_ queue: QueueName, _ type: TaskType, _ end: AttemptEnd?, after duration: Duration) {
    instruments.instrument(of: queue, type).ended(end?.name, after: duration)
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

  func ended(_ outcome: String?, after duration: Duration) {
    timer.recordNanoseconds(duration.wholeNanoseconds)
    guard let outcome else { return }
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
final class Instruments<Instrument: Sendable>: Sendable {
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
