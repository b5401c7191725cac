import Synchronization
import TaskQueue
import TaskQueuePostgres

/// Enqueues no-ops at a fixed rate, spread over queues and priorities.
final class SteadyProducer: Sendable {
  private static let interval: Duration = .milliseconds(20)
  /// The most urgent first.
  static let priorities = [50, 100, 150]

  private let store: PostgresTaskStore
  private let queues: [QueueName]
  private let rate: Int
  private let count = Atomic<Int>(0)

  init(_ store: PostgresTaskStore, queues: [QueueName], rate: Int) {
    self.store = store
    self.queues = queues
    self.rate = rate
  }

  /// Tasks enqueued so far.
  var produced: Int { count.load(ordering: .relaxed) }

  /// Falls behind when the database is slower than the rate, and catches up later.
  func run(for time: Duration) async throws {
    let start = ContinuousClock.now
    let batch = max(1, Int(Double(rate) * (Self.interval / .seconds(1))))
    var next = start
    while next < start + time {
      try await Task.sleep(until: next)
      try await TaskClient(store: store).enqueue(try tasks(batch))
      count.add(batch, ordering: .relaxed)
      next += .seconds(1) * (Double(batch) / Double(rate))
    }
  }

  private func tasks(_ batch: Int) throws -> [NewTask] {
    try (0..<batch).map { number in
      var options = EnqueueOptions()
      options.queue = queues[number % queues.count]
      options.priority = Self.priorities[number / queues.count % Self.priorities.count]
      return try NewTask(NoOp(number: number), options: options)
    }
  }
}
