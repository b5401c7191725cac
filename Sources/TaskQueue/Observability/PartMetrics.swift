import Metrics
import Synchronization

/// The timers of what attempts of one type do in parts; each made when it is first needed.
final class PartMetrics: Sendable {
  private struct Timers {
    var step: Metrics.Timer?
    var effect: Metrics.Timer?
    /// By the limit's name, which is a declared rule's.
    var limits: [String: Metrics.Timer] = [:]
  }

  private let type: TaskType
  private let timers = Mutex(Timers())

  init(_ type: TaskType) { self.type = type }

  func stepped(for duration: Duration) {
    let timer = timers.withLock { timers in
      let timer = timers.step ?? MetricName.stepDuration.timer(type.rawValue)
      timers.step = timer
      return timer
    }
    timer.recordNanoseconds(duration.wholeNanoseconds)
  }

  func called(for duration: Duration) {
    let timer = timers.withLock { timers in
      let timer = timers.effect ?? MetricName.effectDuration.timer(type.rawValue)
      timers.effect = timer
      return timer
    }
    timer.recordNanoseconds(duration.wholeNanoseconds)
  }

  func waited(for limit: String, _ duration: Duration) {
    let timer = timers.withLock { timers in
      let timer = timers.limits[limit] ?? MetricName.limitWait.timer(limit)
      timers.limits[limit] = timer
      return timer
    }
    timer.recordNanoseconds(duration.wholeNanoseconds)
  }
}
