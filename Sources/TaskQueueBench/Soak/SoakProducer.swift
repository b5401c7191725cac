import Synchronization
import TaskQueue
import TaskQueuePostgres

/// Enqueues as fast as the workers finish, some tasks with a big payload.
final class SoakProducer: Sendable {
  private static let batch = 1_000
  /// Tasks ahead of the workers at most.
  static let maxBacklog = 50_000
  /// 1 MB when quoted in JSON.
  private static let largeBytes = 1_000_000

  private let client: TaskClient<PostgresTaskStore>
  private let largeEvery: Int
  private let count = Atomic<Int>(0)

  /// - Parameter largeEvery: one task in so many is large.
  init(_ client: TaskClient<PostgresTaskStore>, largeEvery: Int) {
    self.client = client
    self.largeEvery = largeEvery
  }

  /// Tasks enqueued so far.
  var produced: Int { count.load(ordering: .relaxed) }

  func run(until end: ContinuousClock.Instant, handled: () -> Int) async throws {
    let large = Large(text: Self.largeText())
    var sinceLarge = 0
    while ContinuousClock.now < end {
      guard produced - handled() < Self.maxBacklog else {
        try await Task.sleep(for: .milliseconds(5))
        continue
      }
      try await client.enqueue(all: (0..<Self.batch).map { NoOp(number: $0) })
      count.add(Self.batch, ordering: .relaxed)
      sinceLarge += Self.batch
      while sinceLarge >= largeEvery {
        try await client.enqueue(large)
        count.add(1, ordering: .relaxed)
        sinceLarge -= largeEvery
      }
    }
  }

  /// Random, so that the server can't compress it away.
  private static func largeText() -> String {
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_".utf8)
    let bytes = (0..<largeBytes).map { _ in letters[Int.random(in: 0..<letters.count)] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
