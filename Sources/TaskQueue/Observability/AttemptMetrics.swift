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

/// Counts how attempts end, as metrics and for the worker's reports. The engine tells it, as only it knows why a handler ended.
final class AttemptMetrics: Sendable {
  private let instruments = Instruments { AttemptInstruments($0, $1) }

  /// The handler is over. Called once for each.
  /// - Parameter end: nil: it was counted when the handler was given up (``EventMetrics``).
  func ended(_ task: ClaimedTask, _ end: AttemptEnd?, after duration: Duration) {
    let waited = task.claimedAt.timeIntervalSince(task.dueAt)
    instruments.instrument(of: task.queue, task.type).ended(end?.name, after: duration, waited: waited)
  }

  /// How many ended since they were taken last.
  func takeCounts() -> [AttemptCount] {
    instruments.all.flatMap { queue, type, instruments in
      instruments.takeCounts().map { AttemptCount(queue: queue, type: type, outcome: $0, count: $1) }
    }
  }

  /// A report of them failed.
  func putBack(_ counts: [AttemptCount]) {
    for count in counts { instruments.instrument(of: count.queue, count.type).putBack(count.outcome, count.count) }
  }
}

/// The instruments of one queue and type.
private final class AttemptInstruments: Sendable {
  private struct Outcome {
    let name: String
    let counter: Counter
    var untakenCount = 0
  }

  private let queue: String
  private let type: String
  private let duration: Metrics.Timer
  private let wait: Metrics.Timer
  private let outcomes = Mutex<[Outcome]>([])

  init(_ queue: String, _ type: String) {
    (self.queue, self.type) = (queue, type)
    duration = MetricName.attemptDuration.timer(queue, type)
    wait = MetricName.waitDuration.timer(queue, type)
  }

  /// - Parameter seconds: below zero where clocks disagree.
  func ended(_ outcome: String?, after time: Duration, waited seconds: Double) {
    duration.recordNanoseconds(time.wholeNanoseconds)
    wait.recordNanoseconds(Int64(max(0, min(seconds, 9e9)) * 1e9))
    if let outcome { count(outcome, 1).increment() }
  }

  func putBack(_ outcome: String, _ count: Int) { _ = self.count(outcome, count) }

  func takeCounts() -> [(outcome: String, count: Int)] {
    outcomes.withLock { outcomes in
      outcomes.indices.compactMap { index in
        defer { outcomes[index].untakenCount = 0 }
        let outcome = outcomes[index]
        return outcome.untakenCount > 0 ? (outcome.name, outcome.untakenCount) : nil
      }
    }
  }

  private func count(_ name: String, _ count: Int) -> Counter {
    outcomes.withLock { outcomes in
      let index = outcomes.firstIndex { $0.name == name } ?? outcomes.endIndex
      if index == outcomes.endIndex {
        outcomes.append(Outcome(name: name, counter: MetricName.attempts.counter(queue, type, name)))
      }
      outcomes[index].untakenCount += count
      return outcomes[index].counter
    }
  }
}

/// Instruments made once per queue and type.
final class Instruments<Instrument: Sendable>: Sendable {
  private struct Kind: Hashable {
    let queue: QueueName
    let type: TaskType
  }

  private struct State {
    var instruments: [Kind: Instrument] = [:]
    /// What was asked for last is mostly asked for again.
    var last: (kind: Kind, instrument: Instrument)?
  }

  private let make: @Sendable (_ queue: String, _ type: String) -> Instrument
  private let state = Mutex(State())

  init(_ make: @escaping @Sendable (_ queue: String, _ type: String) -> Instrument) { self.make = make }

  func instrument(of queue: QueueName, _ type: TaskType) -> Instrument {
    let kind = Kind(queue: queue, type: type)
    return state.withLock { state in
      if let last = state.last, last.kind == kind { return last.instrument }
      let instrument = state.instruments[kind] ?? make(queue.rawValue, type.rawValue)
      state.instruments[kind] = instrument
      state.last = (kind, instrument)
      return instrument
    }
  }

  /// Those made so far.
  var all: [(queue: QueueName, type: TaskType, instrument: Instrument)] {
    state.withLock { $0.instruments.map { ($0.queue, $0.type, $1) } }
  }
}
