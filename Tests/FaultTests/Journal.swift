import Synchronization
import TaskQueue

/// What happened, and when.
final class Journal: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// One call of `enqueue`.
  struct Call: Sendable {
    let number: Int64
    let began: Instant
    let ended: Instant
    let error: TaskQueueError?

    var time: Duration { ended - began }
  }

  /// One task for the worker that has nothing else to do.
  struct Probe: Sendable {
    let enqueued: Instant
    /// nil: the administrator could not enqueue it.
    let started: Instant?

    /// A worker that only polls takes a second on average.
    var wasHeard: Bool { started.map { $0 - enqueued < .milliseconds(400) } ?? false }
  }

  struct Entries: Sendable {
    /// Of handlers of the backlog, in order.
    var starts: [(number: Int64, at: Instant)] = []
    var calls: [Call] = []
    var pings: Int64 = 0
    var probes: [Probe] = []
    var probeStarts: [Int64: Instant] = [:]
    /// Times that the provider did it, by task.
    var charges: [Int64: Int] = [:]
    var chargesDone: [Int64: Instant] = [:]
    var chargeErrors: [String] = []
    var lookUps = 0
    /// Handlers that hold what others need.
    var holdersStarted = 0
    var holdersEnded = 0
    /// Handlers of the worker that leaves.
    var held = 0
  }

  private let entries = Mutex(Entries())

  var now: Entries { entries.withLock { $0 } }

  /// Tasks of the backlog whose handlers began twice.
  var repeatedTasks: Int {
    Dictionary(grouping: now.starts) { $0.number }.values.count(where: { $0.count > 1 })
  }

  func note(_ change: (inout Entries) -> Void) { entries.withLock { change(&$0) } }
}
