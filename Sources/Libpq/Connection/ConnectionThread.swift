import DequeModule
import DetachedThread

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A thread that runs the jobs of one connection, one after the other, and may block in `poll` meanwhile.
///
/// As a task executor it also runs the body of a transaction, which then changes threads on its way in and out only, and not for
/// every statement.
///
/// While it has nothing to do another thread may have its turn (``borrow(_:)``): a caller sends its statement itself, and this thread, which watches
/// the socket for a second after an exchange, is woken by the answer only.
///
/// The thread lives until ``stop()``; it keeps this object alive. All its signals are blocked, so neither a broken socket (SIGPIPE) nor
/// the process's other signals end up here.
final class ConnectionThread: SerialExecutor, TaskExecutor {
  /// What is left to do of an exchange that another thread has begun.
  struct Rest {
    /// Whether it may wait until the server answers, for longer than ``maxWatch``.
    var isPatient: Bool
    /// Runs on this thread. What it returns is called when the connection is free for the next.
    var end: @Sendable () -> @Sendable () -> Void
  }

  private enum Work {
    case job(UnownedJob)
    case rest(Rest)
  }

  /// For so long an idle thread watches the socket, which costs those a system call more who hand it jobs.
  static let maxWatch: Duration = .seconds(1)

  // Safety: the mutex and the condition have fixed addresses, are freed in deinit only, and are made for use by several threads.
  nonisolated(unsafe) private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  // Safety: as above.
  nonisolated(unsafe) private let condition: UnsafeMutablePointer<pthread_cond_t>
  private let wakeUp: WakeUp
  // Safety: read and written only while `mutex` is held.
  nonisolated(unsafe) private var jobs = Deque<UnownedJob>()
  // Safety: as above. Who has the turn.
  nonisolated(unsafe) private var runner: pthread_t?
  // Safety: as above.
  nonisolated(unsafe) private var rest: Rest?
  // Safety: as above. -1: not connected.
  nonisolated(unsafe) private var socket: Int32 = -1
  // Safety: as above. Whether the thread waits in `poll` for the socket, not for the condition.
  nonisolated(unsafe) private var isWatching = false
  // Safety: as above. Whether it is worth while, and the socket has nothing to read that nobody asked for.
  nonisolated(unsafe) private var mayWatch = false
  // Safety: as above.
  nonisolated(unsafe) private var isStopped = false

  /// - Parameter wakeUp: ends the thread's waits in `poll`.
  init(_ wakeUp: WakeUp) {
    self.wakeUp = wakeUp
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

  /// Starts the thread; without it no job ever runs.
  func start() throws(LibpqError) {
    guard DetachedThread.spawn({ self.runJobs() }) else {
      throw LibpqError(.connectFailed, "no thread could be started")
    }
  }

  /// Ends the thread once the jobs are done. No job may be enqueued later.
  func stop() {
    announce { $0.isStopped = true }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    announce { $0.jobs.append(job) }
  }

  /// - Parameter socket: -1: there is none any more.
  func watch(_ socket: Int32) {
    pthread_mutex_lock(mutex)
    self.socket = socket
    pthread_mutex_unlock(mutex)
  }

  // MARK: - Turns

  /// Lets the calling thread do what this one would, if it has nothing to do.
  ///
  /// - Parameter begin: must not block; returns what this thread is to go on with, before any job.
  /// - Returns: false: it is busy, and nothing was done.
  func borrow(_ begin: () -> Rest?) -> Bool {
    pthread_mutex_lock(mutex)
    guard runner == nil, rest == nil, jobs.isEmpty, !isStopped else {
      pthread_mutex_unlock(mutex)
      return false
    }
    runner = pthread_self()
    pthread_mutex_unlock(mutex)
    let rest = begin()
    change { thread in
      thread.runner = nil
      thread.rest = rest
      if let rest { return !(rest.isPatient && thread.isWatching) }
      return !thread.jobs.isEmpty
    }
    return true
  }

  /// So that what runs within a turn may touch the connection's state.
  func checkIsolated() {
    pthread_mutex_lock(mutex)
    let isRunner = runner.map { pthread_equal($0, pthread_self()) != 0 } ?? false
    pthread_mutex_unlock(mutex)
    precondition(isRunner, "only who has the connection's turn may use it")
  }

  // MARK: - The thread

  private func runJobs() {
    while let work = nextWork() {
      switch work {
      case .job(let job):
        job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      case .rest(let rest):
        let answer = rest.end()
        pthread_mutex_lock(mutex)
        runner = nil
        pthread_mutex_unlock(mutex)
        answer()
      }
    }
  }

  private func nextWork() -> Work? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if let last = runner, pthread_equal(last, pthread_self()) != 0 { runner = nil }
    mayWatch = true
    while true {
      if runner == nil {
        if let rest {
          self.rest = nil
          runner = pthread_self()
          return .rest(rest)
        }
        if !jobs.isEmpty {
          runner = pthread_self()
          return .job(jobs.removeFirst())
        }
        if isStopped { return nil }
        if mayWatch, socket >= 0 {
          waitForSocket()
          continue
        }
      }
      pthread_cond_wait(condition, mutex)
    }
  }

  /// Until it can be read, something was changed, or the time is over. Holds the mutex, but not while it waits.
  private func waitForSocket() {
    var descriptors = (
      pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeUp.readEnd, events: Int16(POLLIN), revents: 0)
    )
    isWatching = true
    pthread_mutex_unlock(mutex)
    let count = withUnsafeMutableBytes(of: &descriptors) { raw in
      poll(raw.baseAddress?.assumingMemoryBound(to: pollfd.self), 2, Int32(Self.maxWatch / .milliseconds(1)))
    }
    if descriptors.1.revents != 0 { wakeUp.drain() }
    pthread_mutex_lock(mutex)
    isWatching = false
    mayWatch = count > 0 && descriptors.0.revents == 0
  }

  /// - Parameter change: returns whether the thread has to know.
  private func change(_ change: (ConnectionThread) -> Bool) {
    // The job may run, and drop the connection's last reference, before this function has signalled.
    withExtendedLifetime(self) {
      pthread_mutex_lock(mutex)
      let isToKnow = change(self)
      let isWatching = isWatching
      pthread_mutex_unlock(mutex)
      guard isToKnow else { return }
      if isWatching { wakeUp.signal() } else { pthread_cond_signal(condition) }
    }
  }

  private func announce(_ change: (ConnectionThread) -> Void) {
    self.change { thread in
      change(thread)
      return true
    }
  }
}
