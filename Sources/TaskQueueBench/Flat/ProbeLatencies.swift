import Libpq
import Synchronization
import TaskQueue
import TaskQueuePostgres

/// Sends probes that are easily forgotten, and measures how long they wait.
final class ProbeLatencies: Sendable {
  /// A probe that hasn't started by then counts with this time.
  private static let patience: Duration = .seconds(30)

  private struct State {
    var next = 0
    var sent = 0
    var newcomers = Samples()
    var lateCommits = Samples()
  }

  private let store: PostgresTaskStore
  private let queue: QueueName
  private let processes: [WorkerProcess]
  private let state = Mutex(State())

  init(_ store: PostgresTaskStore, queue: QueueName, _ processes: [WorkerProcess]) {
    self.store = store
    self.queue = queue
    self.processes = processes
  }

  /// Probes committed so far.
  var sent: Int { state.withLock { $0.sent } }

  /// In milliseconds.
  var newcomers: Samples { state.withLock { $0.newcomers } }

  /// In milliseconds from the commit.
  var lateCommits: Samples { state.withLock { $0.lateCommits } }

  /// A task of priority 1 behind all others, again and again.
  func sendNewcomers(every interval: Duration, until isOver: () -> Bool) async throws {
    while !isOver() {
      let latency = try await newcomer()
      state.withLock { $0.newcomers.append(latency) }
      try await Task.sleep(for: interval)
    }
  }

  /// Transactions that insert a task and commit only after a while, when its id is an old one, until the time is up.
  func sendLateCommits(holding time: Duration, until end: ContinuousClock.Instant) async throws {
    // As urgent as the most urgent that are produced, and older than those: it is next, however many wait.
    let options = EnqueueOptions.with {
      $0.queue = queue
      $0.priority = SteadyProducer.priorities[0]
    }
    repeat {
      let number = nextNumber()
      try await store.pool.withTransaction { transaction in
        try await TaskClient(store: store).enqueue(Probe(number: number), options: options, in: transaction)
        try await Task.sleep(for: time)
      }
      let latency = try await latency(of: number, since: MonotonicTime.nanoseconds)
      state.withLock { $0.lateCommits.append(latency) }
    } while ContinuousClock.now + time < end
  }

  private func newcomer() async throws -> Double {
    let number = nextNumber()
    let options = EnqueueOptions.with {
      $0.queue = queue
      $0.priority = 1
    }
    try await TaskClient(store: store).enqueue(Probe(number: number), options: options)
    return try await latency(of: number, since: MonotonicTime.nanoseconds)
  }

  private func latency(of number: Int, since commit: Int64) async throws -> Double {
    state.withLock { $0.sent += 1 }
    let deadline = ContinuousClock.now + Self.patience
    while ContinuousClock.now < deadline {
      if let start = processes.compactMap({ $0.probe(number) }).min() {
        return max(0, Double(start - commit) / 1_000_000)
      }
      try await Task.sleep(for: .milliseconds(2))
    }
    return Self.patience / .milliseconds(1)
  }

  private func nextNumber() -> Int {
    state.withLock { state in
      state.next += 1
      return state.next
    }
  }
}
