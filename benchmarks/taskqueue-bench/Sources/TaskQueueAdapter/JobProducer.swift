import Logging
import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres

/// Offers jobs, one enqueue at a time, until the shutdown begins.
struct JobProducer: Service {
  /// After an enqueue that failed.
  private static let pause: Duration = .milliseconds(100)
  /// How often the depth is looked at again once it is reached.
  private static let depthInterval: Duration = .milliseconds(20)

  let client: TaskClient<PostgresTaskStore>
  let settings: AdapterSettings
  let meter: Meter
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var batches = JobBatches(settings)
      switch settings.production {
      case .ordered:
        for await count in EnqueueOrders.read() {
          meter.targetRate = settings.currentRate
          await offer(count, &batches)
        }
      case .rate: await keepRate(&batches)
      case .depth(let target): await keepDepth(target, &batches)
      }
    }
    // Orders may end before the run does.
    try? await gracefulShutdown()
  }

  /// What is due follows from the time that has passed, not from the number of rounds: a slow enqueue is made up for.
  private func keepRate(_ batches: inout JobBatches) async {
    var credit = 0.0
    var last = ContinuousClock.now
    while !Task.isCancelled {
      try? await Task.sleep(for: settings.batchInterval)
      let rate = settings.currentRate
      meter.targetRate = rate
      let now = ContinuousClock.now
      credit += Double(rate) * (last.duration(to: now) / .seconds(1))
      last = now
      guard rate > 0 else {
        credit = 0
        continue
      }
      let count = Int(credit)
      credit -= Double(count)
      await offer(count, &batches)
    }
  }

  private func keepDepth(_ target: Int, _ batches: inout JobBatches) async {
    while !Task.isCancelled {
      let missing = target - (meter.estimatedDue ?? target)
      if missing > 0 {
        await offer(min(missing, settings.batchMax), &batches)
      } else {
        try? await Task.sleep(for: Self.depthInterval)
      }
    }
  }

  /// A batch that fails is not offered again: it may have been stored.
  private func offer(_ count: Int, _ batches: inout JobBatches) async {
    var left = count
    while left > 0, !Task.isCancelled {
      let size = min(left, settings.batchMax)
      left -= size
      let start = ContinuousClock.now
      do {
        try await client.enqueue(try batches.next(size, client))
        meter.enqueued(size, in: start.duration(to: .now))
        if batches.failed > 0 { logger.warning("Enqueues work again", metadata: ["failed": "\(batches.failed)"]) }
        batches.failed = 0
      } catch {
        guard !Task.isCancelled else { return }
        // Of an outage its beginning and its end.
        if batches.failed == 0 { logger.warning("An enqueue failed", metadata: ["error": "\(error)"]) }
        batches.failed += 1
        try? await Task.sleep(for: Self.pause)
      }
    }
  }
}

/// Makes jobs: numbered, and for the queues in turn.
struct JobBatches {
  private let queues: [QueueName]
  private let payloadBytes: Int
  private var number = 0
  /// Enqueues that have failed in a row.
  var failed = 0

  init(_ settings: AdapterSettings) {
    queues = BenchJob.queues(settings.queues)
    payloadBytes = settings.payloadBytes
  }

  mutating func next(_ count: Int, _ client: TaskClient<PostgresTaskStore>) throws -> [NewTask] {
    let now = BenchJob.now
    return try (0..<count).map { _ in
      number += 1
      let queue = queues[number % queues.count]
      return try client.newTask(
        BenchJob(number: number, offeredAt: now, payloadBytes: payloadBytes),
        options: .with { $0.queue = queue }
      )
    }
  }
}
