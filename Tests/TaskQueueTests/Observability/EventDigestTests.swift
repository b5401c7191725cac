import Logging
import Testing

@testable import TaskQueue

@Suite("Repeated events are summed up")
struct EventDigestTests {
  private static let start = WorkerClock.Instant.zero

  private static func at(_ seconds: Double) -> WorkerClock.Instant { start.advanced(by: .seconds(seconds)) }

  private static func failure(_ id: Int64, _ error: String = "the provider is down") -> EngineEvent {
    let task = TaskLabel(id: TaskID(id), type: "mail", queue: "default", attempt: 1)
    return .attemptFailed(task: task, error: error, errorType: "Failure", failures: 1, nextIn: .seconds(60))
  }

  /// Events told by themselves, and those told in sums.
  private static func count(_ lines: [EventDigest.Line]) -> (single: Int, summed: Int) {
    lines.reduce(into: (0, 0)) { counts, line in
      switch line {
      case .event: counts.0 += 1
      case .more(_, let count, _), .others(let count, _): counts.1 += count
      }
    }
  }

  @Test("The first of a kind is told at once, the rest in one line with the first and the last task")
  func sums() throws {
    var digest = EventDigest()
    #expect(Self.count(digest.note(Self.failure(1), at: Self.at(0))) == (1, 0))
    #expect(digest.nextFlush == nil)
    for id in 2...50 { #expect(digest.note(Self.failure(Int64(id)), at: Self.at(Double(id) / 10)).isEmpty) }
    #expect(digest.nextFlush == Self.at(10))
    #expect(digest.flush(at: Self.at(9.9)).isEmpty)
    let lines = digest.flush(at: Self.at(10))
    guard case .more(let last, 49, first: TaskID(2)) = try #require(lines.first), lines.count == 1 else {
      Issue.record("\(lines)")
      return
    }
    #expect(last.task?.id == TaskID(50))
    #expect(digest.nextFlush == nil)
  }

  @Test("What goes on is told once per interval; after a quiet interval it is told at once again")
  func goesOn() {
    var digest = EventDigest()
    var lines: [EventDigest.Line] = []
    for second in 0..<60 { lines += digest.note(Self.failure(Int64(second)), at: Self.at(Double(second))) }
    #expect(lines.count <= 7)
    lines += digest.flush(at: Self.at(70))
    #expect(Self.count(lines) == (1, 59))
    #expect(digest.flush(at: Self.at(80)).isEmpty)
    #expect(Self.count(digest.note(Self.failure(99), at: Self.at(81))) == (1, 0))
  }

  @Test("Another error, type, queue or message is another kind")
  func kinds() {
    var digest = EventDigest()
    let other = TaskLabel(id: TaskID(1), type: "sms", queue: "default", attempt: 1)
    let events: [EngineEvent] = [
      Self.failure(1), Self.failure(1, "refused"), .leaseLost(other), .timedOut(other, limit: .seconds(1)),
      .leaseLost(TaskLabel(id: TaskID(1), type: "sms", queue: "other", attempt: 1)),
    ]
    for event in events { #expect(digest.note(event, at: Self.start).count == 1) }
  }

  @Test("Its memory is bounded, and nothing is lost", arguments: [1, 7])
  func bounded(step: Int) {
    var digest = EventDigest()
    var lines: [EventDigest.Line] = []
    let count = 10_000
    for index in 0..<count {
      lines += digest.note(Self.failure(Int64(index), "error \(index)"), at: Self.at(Double(index * step) / 1_000))
    }
    #expect(lines.count < EventDigest.maxKinds * (2 + step))
    lines += digest.finish()
    let (single, summed) = Self.count(lines)
    #expect(single + summed == count)
    #expect(digest.nextFlush == nil)
  }

  @Test("A look that finds 5,000 types without a handler is one line that names ten of them")
  func unhandled() throws {
    let counts = (0..<5_000).map { TaskCount(queue: "default", type: TaskType("tenant-\($0)"), state: .due, count: 1) }
    var digest = EventDigest()
    let lines = digest.note(.unhandled(counts), at: Self.start)
    guard case .event(let event) = try #require(lines.first), lines.count == 1 else {
      Issue.record("\(lines)")
      return
    }
    guard case .array(let names) = event.metadata[LogKey.types] else {
      Issue.record("no types")
      return
    }
    #expect(names.count == 10)
    #expect(event.metadata[LogKey.count] == "5000")
    #expect(EngineEvent.unhandled([]).level == nil)
  }
}
