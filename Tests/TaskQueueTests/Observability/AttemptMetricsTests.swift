import Foundation
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("How many attempts ended, for a worker's reports")
struct AttemptMetricsTests {
  private let metrics = AttemptMetrics()

  private func end(_ queue: QueueName, _ type: TaskType, _ end: AttemptEnd?) {
    let task = ClaimedTask.sample(Claim(id: TaskID(1), token: 1), queue: queue, type: type, at: .now)
    metrics.ended(task, end, after: .milliseconds(1))
  }

  @Test("By queue, type and outcome, each once; what was told when its handler was given up is not counted again")
  func kinds() {
    for _ in 1...3 { end("a", "x", .returned(.completed)) }
    end("a", "x", .failed)
    end("b", "x", .failed)
    end("a", "y", .returned(.completed))
    end("a", "x", nil)
    let expected: Set = [
      AttemptCount(queue: "a", type: "x", outcome: "completed", count: 3),
      AttemptCount(queue: "a", type: "x", outcome: "failed", count: 1),
      AttemptCount(queue: "b", type: "x", outcome: "failed", count: 1),
      AttemptCount(queue: "a", type: "y", outcome: "completed", count: 1),
    ]
    let counts = metrics.takeCounts()
    #expect(Set(counts) == expected)
    #expect(counts.count == expected.count)
    #expect(metrics.takeCounts().isEmpty)
  }

  @Test("Those of a report that failed come with the next one")
  func putBack() {
    end("a", "x", .failed)
    let lost = metrics.takeCounts()
    end("a", "x", .failed)
    end("b", "x", .failed)
    metrics.putBack(lost)
    let expected: Set = [
      AttemptCount(queue: "a", type: "x", outcome: "failed", count: 2),
      AttemptCount(queue: "b", type: "x", outcome: "failed", count: 1),
    ]
    #expect(Set(metrics.takeCounts()) == expected)
  }
}
