import Foundation
import TaskQueue

/// A job of the harness: knows when it was handed to the queue.
struct BenchJob: TaskPayload {
  static let taskType: TaskType = "bench.job"
  /// What the other fields take of the payload, about.
  private static let ownBytes = 64

  var number: Int
  /// Microseconds since 1970, right before the enqueue: replicas on one machine have one clock.
  var offeredAt: Int64
  var padding: String

  init(number: Int, offeredAt: Int64, payloadBytes: Int) {
    self.number = number
    self.offeredAt = offeredAt
    padding = String(repeating: "x", count: max(0, payloadBytes - Self.ownBytes))
  }

  /// Since it was handed to the queue; the enqueue's own time counts.
  var age: Duration { .microseconds(max(0, Self.now - offeredAt)) }

  static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }

  /// The queues that jobs go to in turn.
  static func queues(_ count: Int) -> [QueueName] { [.default] + (1..<count).map { QueueName("bench-\($0)") } }
}
