import Logging
import Synchronization

/// Where the engine's events go: to the log, summed up, and to the metrics.
final class EngineLog: Sendable {
  private let logger: Logger
  private let metrics = EventMetrics()
  private let digest = Mutex(EventDigest())

  init(logger: Logger) { self.logger = logger }

  func note(_ events: [EngineEvent], at now: WorkerClock.Instant) {
    guard !events.isEmpty else { return }
    for event in events { metrics.note(event) }
    let lines = digest.withLock { digest in
      events.flatMap { $0.level == nil ? [] : digest.note($0, at: now) }
    }
    for line in lines { write(line) }
  }

  /// When ``flush(at:)`` has something to tell; nil: not before the next event.
  var nextFlush: WorkerClock.Instant? { digest.withLock(\.nextFlush) }

  /// Tells the sums whose interval is over.
  func flush(at now: WorkerClock.Instant) {
    for line in digest.withLock({ $0.flush(at: now) }) { write(line) }
  }

  /// Tells what is left, before the worker ends.
  func finish() {
    for line in digest.withLock({ $0.finish() }) { write(line) }
  }

  private func write(_ line: EventDigest.Line) {
    let interval = EventDigest.interval.components.seconds
    switch line {
    case .event(let event): write(event, event.message, event.metadata)
    case .more(let event, let count, let first):
      var metadata = event.metadata
      metadata[LogKey.count] = "\(count)"
      metadata[LogKey.firstTaskID] = first.map { "\($0)" }
      metadata[LogKey.lastTaskID] = metadata.removeValue(forKey: LogKey.taskID)
      metadata[LogKey.attempt] = nil
      write(event, "\(event.message) … and \(count) more like it in the last \(interval) s", metadata)
    case .others(let count, let worst):
      var metadata = worst.metadata
      metadata[LogKey.count] = "\(count)"
      write(worst, "\(worst.message) … and such, \(count) of many kinds in the last \(interval) s", metadata)
    }
  }

  private func write(_ event: EngineEvent, _ message: String, _ metadata: Logger.Metadata) {
    guard let level = event.level else { return }
    logger.log(level: level, "\(message)", metadata: metadata)
  }
}
