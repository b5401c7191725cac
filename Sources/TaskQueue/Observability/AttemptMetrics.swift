import Metrics
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

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
  private let instruments = Instruments { AttemptInstruments($0, $1) }

  /// The handler is over. Called once for each.
  /// - Parameter end: nil: it was counted when the handler was given up (``EventMetrics``).
  func ended(_ task: ClaimedTask, _ end: AttemptEnd?, after duration: Duration) {
    let waited = task.claimedAt.timeIntervalSince(task.dueAt)
    instruments.instrument(of: task.queue, task.type).ended(end?.name, after: duration, waited: waited)
  }
}

/// The instruments of one queue and type.
private final class AttemptInstruments: Sendable {
  private let queue: String
  private let type: String
  private let duration: Metrics.Timer
  private let wait: Metrics.Timer
  private let counters = Mutex<[(outcome: String, counter: Counter)]>([])

  init(_ queue: String, _ type: String) {
    (self.queue, self.type) = (queue, type)
    duration = MetricName.attemptDuration.timer(queue, type)
    wait = MetricName.waitDuration.timer(queue, type)
  }

  /// - Parameter seconds: below zero where clocks disagree.
  func ended(_ outcome: String?, after time: Duration, waited seconds: Double) {
    duration.recordNanoseconds(time.wholeNanoseconds)
    wait.recordNanoseconds(Int64(max(0, min(seconds, 9e9)) * 1e9))
    guard let outcome else { return }
    let counter = counters.withLock { counters in
      if let known = counters.first(where: { $0.outcome == outcome }) { return known.counter }
      let made = MetricName.attempts.counter(queue, type, outcome)
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

  private let make: @Sendable (_ queue: String, _ type: String) -> Instrument
  private let entries = Mutex<[Entry]>([])

  init(_ make: @escaping @Sendable (_ queue: String, _ type: String) -> Instrument) { self.make = make }

  func instrument(of queue: QueueName, _ type: TaskType) -> Instrument {
    entries.withLock { entries in
      if let known = entries.first(where: { $0.type == type && $0.queue == queue }) { return known.instrument }
      let made = make(queue.rawValue, type.rawValue)
      entries.append(Entry(queue: queue, type: type, instrument: made))
      return made
    }
  }
}
