import DequeModule
import DetachedThread

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The engine's own thread: runs its jobs one after the other, and wakes it at a time.
///
/// Swift's threads are as many as there are cores, and handlers that block can hold all of them. Leases are renewed and outcomes recorded all
/// the same, because nothing of that runs there. The thread ends with ``stop()``; it keeps this object alive until then.
final class EngineThread: TaskExecutor {
  private struct State {
    var jobs = Deque<UnownedJob>()
    var isRaised = false
    var waiter: UnsafeContinuation<Void, Never>?
    /// When the waiter is resumed at the latest; nil: only by a signal.
    var alarm: ContinuousClock.Instant?
    var isStopped = false
  }

  // Safety: the mutex and the condition have fixed addresses, are freed in deinit only, and are made for use by several threads.
  nonisolated(unsafe) private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  // Safety: as above.
  nonisolated(unsafe) private let condition: UnsafeMutablePointer<pthread_cond_t>
  // Safety: read and written only while `mutex` is held.
  nonisolated(unsafe) private var state = State()

  init() {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    condition = .allocate(capacity: 1)
    condition.initialize(to: pthread_cond_t())
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    condition.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  private func withLock<Value>(_ body: (inout State) -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&state)
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // The job may run, and drop the last reference, before this function has signalled.
    let keepAlive = Unmanaged.passRetained(self)
    defer { keepAlive.release() }
    withLock { $0.jobs.append(job) }
    pthread_cond_signal(condition)
  }

  /// Lets ``pause(until:)`` return; the next one, if none is under way. Raising it twice counts once. From any thread.
  func raise() {
    let isNew = withLock { state in
      defer { state.isRaised = true }
      return !state.isRaised
    }
    if isNew { pthread_cond_signal(condition) }
  }

  /// Suspends until ``raise()`` or the alarm. One task at a time, and it runs on this thread.
  func pause(until alarm: ContinuousClock.Instant?) async {
    await withUnsafeContinuation { continuation in
      withLock { state in
        state.waiter = continuation
        state.alarm = alarm
      }
    }
  }

  /// Ends the thread once its jobs are done. No job may be enqueued later: its task would never go on, and keep what it holds.
  func stop() {
    withLock { $0.isStopped = true }
    pthread_cond_signal(condition)
  }

  /// Starts the thread; without it nothing ever runs. All its signals are blocked.
  func start() throws(TaskQueueError) {
    guard DetachedThread.spawn({ self.runJobs() }) else {
      throw TaskQueueError(.invalidConfiguration, "The system refuses a thread for the worker.")
    }
  }

  private enum Step {
    case job(UnownedJob)
    case resume(UnsafeContinuation<Void, Never>)
    case stop
  }

  private func runJobs() {
    while true {
      switch next() {
      case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
      case .resume(let waiter): waiter.resume()
      case .stop: return
      }
    }
  }

  /// Answers and other jobs come first, so that one turn sees all of them.
  private func next() -> Step {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let job = state.jobs.popFirst() { return .job(job) }
      if let waiter = state.waiter {
        let left = state.alarm.map { ContinuousClock.now.duration(to: $0) }
        if state.isRaised || left.map({ $0 <= .zero }) ?? false {
          state.isRaised = false
          state.waiter = nil
          return .resume(waiter)
        }
        wait(atMost: left)
      } else {
        if state.isStopped { return .stop }
        pthread_cond_wait(condition, mutex)
      }
    }
  }

  private func wait(atMost left: Duration?) {
    guard let left else {
      pthread_cond_wait(condition, mutex)
      return
    }
    // By the wall clock, which may jump: never for long, and what is left is worked out anew each time.
    let (seconds, attoseconds) = min(left, .seconds(1)).components
    var until = timespec()
    clock_gettime(CLOCK_REALTIME, &until)
    let nanoseconds = Int(until.tv_nsec) + Int(attoseconds / 1_000_000_000)
    until.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    until.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_timedwait(condition, mutex, &until)
  }
}
