import Synchronization
import TaskQueue

/// What this replica has done so far.
final class Meter: Sendable {
  /// Jobs whose enqueue is known to have been committed, and jobs whose handler has returned.
  struct Totals: Hashable {
    var enqueued = 0
    var completed = 0
  }

  /// Jobs in the database by state, of all replicas.
  struct Depth: Hashable {
    /// Due and claimed by nobody.
    var due = 0
    /// Claimed, also ahead of a free handler.
    var running = 0
    /// After a failure, or before their time.
    var waiting = 0
  }

  let claims = LatencyWindow()
  let enqueues = LatencyWindow()
  private let counted = Mutex(Totals())
  private let observed = Mutex<(depth: Depth, then: Totals)?>(nil)
  private let rate = Atomic<Int>(0)

  var totals: Totals { counted.withLock { $0 } }

  /// nil: the database could not be asked.
  var depth: Depth? {
    get { observed.withLock { $0?.depth } }
    set {
      let totals = totals
      observed.withLock { $0 = newValue.map { ($0, totals) } }
    }
  }

  /// The depth as it was seen, and what this replica has added and taken since; nil: it has not been seen.
  var estimatedDue: Int? {
    let totals = totals
    return observed.withLock { observed in
      observed.map {
        max(0, $0.depth.due + totals.enqueued - $0.then.enqueued - (totals.completed - $0.then.completed))
      }
    }
  }

  /// Jobs per second that are to be offered.
  var targetRate: Int {
    get { rate.load(ordering: .relaxed) }
    set { rate.store(newValue, ordering: .relaxed) }
  }

  func enqueued(_ count: Int, in duration: Duration) {
    counted.withLock { $0.enqueued += count }
    enqueues.record(duration)
  }

  func began(_ job: BenchJob) { claims.record(job.age) }

  func completed() { counted.withLock { $0.completed += 1 } }
}
