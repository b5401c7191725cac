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
/// The thread lives until ``stop()``; it keeps this object alive. All its signals are blocked, so neither a broken socket (SIGPIPE) nor
/// the process's other signals end up here.
final class ConnectionThread: SerialExecutor, TaskExecutor {
  // Safety: the mutex and the condition have fixed addresses, are freed in deinit only, and are made for use by several threads.
  nonisolated(unsafe) private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  // Safety: as above.
  nonisolated(unsafe) private let condition: UnsafeMutablePointer<pthread_cond_t>
  // Safety: read and written only while `mutex` is held.
  nonisolated(unsafe) private var jobs = Deque<UnownedJob>()
  // Safety: as above.
  nonisolated(unsafe) private var isStopped = false

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

  /// Starts the thread; without it no job ever runs.
  func start() throws(LibpqError) {
    guard DetachedThread.spawn({ self.runJobs() }) else {
      throw LibpqError(.connectFailed, "no thread could be started")
    }
  }

  /// Ends the thread once the jobs are done. No job may be enqueued later.
  func stop() {
    pthread_mutex_lock(mutex)
    isStopped = true
    pthread_mutex_unlock(mutex)
    pthread_cond_signal(condition)
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // The job may run, and drop the connection's last reference, before this function has signalled.
    let keepAlive = Unmanaged.passRetained(self)
    defer { keepAlive.release() }
    pthread_mutex_lock(mutex)
    jobs.append(job)
    pthread_mutex_unlock(mutex)
    pthread_cond_signal(condition)
  }

  private func runJobs() {
    while let job = nextJob() {
      job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
  }

  private func nextJob() -> UnownedJob? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while jobs.isEmpty {
      if isStopped { return nil }
      pthread_cond_wait(condition, mutex)
    }
    return jobs.removeFirst()
  }
}
