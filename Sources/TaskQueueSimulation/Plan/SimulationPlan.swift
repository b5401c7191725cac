@_spi(Store) import TaskQueue

/// All that happens from outside in one run. Made from a seed; a shorter one is made by leaving something out.
struct SimulationPlan: Sendable {
  var seed: UInt64
  var workers: [WorkerPlan]
  var tasks: [TaskPlan]
  var faults: [Fault]
  var events: [EventPlan] = []
  /// Until then tasks come and faults begin.
  var activeFor: Duration
}

struct WorkerPlan: Sendable {
  var configuration: TaskWorkerConfiguration
  /// How many tasks of a type run at the same time at most.
  var maxConcurrent: [TaskType: Int] = [:]
  var startsAt: Duration
}

struct TaskPlan: Sendable {
  var type: TaskType
  var queue: QueueName
  var priority: Int
  /// When its transaction stores it.
  var storedAt: Duration
  /// How long after that the transaction commits.
  var commitsAfter: Duration
  var delay: Duration
  var uniqueKey: String?
  var limit: TaskLimit?
  /// nil: its handler is none, and does what `behaviours` say.
  var flow: FlowPlan?
  /// Of its attempts, one after another; the last one of all further ones.
  var behaviours: [Behaviour]
  /// Never stored: this plan was shortened.
  var isLeftOut = false

  func behaviour(ofRun run: Int) -> Behaviour { behaviours[min(run, behaviours.count - 1)] }
}

/// Something that goes wrong for a time.
struct Fault: Sendable {
  enum Kind: Sendable {
    /// All calls of the store fail.
    case storeFails(StoreFailure)
    /// Calls are not answered; what was under way is done, or not.
    case storeHangs
    /// Each call goes wrong in some way with this probability.
    case flaky(Double)
    /// The store needs so long to look at everything.
    case slowLooks(Duration)
    /// Ways to the store and back take so long.
    case slowNetwork(Duration)
    /// The store refuses the data of this task's outcomes.
    case refusesData(task: Int)
    /// An open transaction has locked this task's row.
    case rowLocked(task: Int)
    case clockJumps(Duration)
    /// Its packets are dropped.
    case workerCutOff(worker: Int)
    /// As SIGSTOP and SIGCONT.
    case workerPauses(worker: Int)
    /// As SIGKILL; the time is that until a new start.
    case workerDies(worker: Int)
    /// A graceful shutdown; the time is that until a new start.
    case workerShutsDown(worker: Int)
    /// The task that runs the worker is cancelled.
    case workerAborts(worker: Int)
    case taskCancelled(task: Int)
    case queuePaused(QueueName)
    /// Wake-ups are lost without an error.
    case listenersDeaf
    case listenersBreak
  }

  var kind: Kind
  var at: Duration
  var lasts: Duration
}

/// The kinds of failure that a store reports.
enum StoreFailure: String, Sendable, CaseIterable {
  case connection = "08006: the connection is lost"
  case timeout = "57014: canceling statement due to statement timeout"
  case readOnly = "25006: cannot execute in a read-only transaction"
  case diskFull = "53100: could not extend file"
  case serialization = "40001: could not serialize access"
  case tooManyConnections = "53300: too many connections"
  case shutdown = "57P01: terminating connection due to administrator command"
}
