import Foundation
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("How far a worker has looked")
struct ScanPositionTests {
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func task(_ id: Int64, priority: Int = 100, queue: QueueName = .default, age: Double = 60) -> ClaimedTask {
    .sample(Claim(id: TaskID(id), token: id), queue: queue, priority: priority, at: now, age: age)
  }

  private func ids(_ position: ScanPosition, of queue: QueueName = .default) -> [Int64] {
    position.bounds(of: queue).map(\.id.rawValue)
  }

  @Test("It moves behind the last task of each priority and queue")
  func advances() {
    var position = ScanPosition()
    position.advance(
      over: [task(5, priority: 1), task(7, priority: 1), task(2), task(3, queue: "b"), task(9)],
      isCutShort: true,
      from: position
    )
    #expect(position.bounds(of: .default).map(\.priority) == [1, 100])
    #expect(ids(position) == [7, 9])
    #expect(ids(position, of: "b") == [3])
  }

  @Test("A task that its claim took straight from the line of its limit moves it behind nothing")
  func outOfLine() {
    var position = ScanPosition()
    position.advance(over: [task(7), task(9, age: 0)], isCutShort: true, from: position)
    position.advance(over: [task(8, queue: "b", age: 0)], isCutShort: true, from: position)
    #expect(ids(position) == [7])
    #expect(ids(position, of: "b") == [])
  }

  @Test("What became due in the commit window is looked at again")
  func commitWindow() {
    var position = ScanPosition()
    position.advance(over: [task(1, age: 0.02)], isCutShort: false, from: position)
    #expect(position.bounds(of: .default).first?.dueAt == now - 0.1)
  }

  @Test("A claim that was cut short behind the position takes it back; one that saw everything does not")
  func goesBack() {
    var position = ScanPosition()
    position.advance(over: [task(9, age: 10)], isCutShort: true, from: position)
    position.advance(over: [task(4, age: 50)], isCutShort: false, from: position)
    #expect(ids(position) == [9])
    position.advance(over: [task(5, age: 50)], isCutShort: true, from: position)
    #expect(ids(position) == [5])
  }

  @Test("A place that went back while a claim was under way stays back")
  func staysBack() {
    var position = ScanPosition()
    position.advance(over: [task(9, age: 10)], isCutShort: true, from: position)
    let start = position
    position.advance(over: [task(5, age: 50)], isCutShort: true, from: start)
    position.advance(over: [task(20, age: 5)], isCutShort: true, from: start)
    #expect(ids(position) == [5])
  }

  @Test("What was just made ready is not behind it")
  func promotion() {
    var position = ScanPosition()
    position.advance(over: [task(9, priority: 1, age: 50), task(9, age: 10)], isCutShort: true, from: position)
    position.notePromotion(from: now - 30, until: now)
    #expect(position.bounds(of: .default).map(\.dueAt) == [now - 50, now - 30])
    #expect(position.bounds(of: .default).last?.id == TaskID(0))
    #expect(position.promotedUntil == now - 0.1)
  }

  @Test("It remembers a bounded number of priorities, the most urgent ones")
  func bounded() {
    var position = ScanPosition()
    for priority in (0..<100).shuffled() {
      position.advance(over: [task(1, priority: priority)], isCutShort: false, from: position)
    }
    #expect(position.bounds(of: .default).map(\.priority) == Array(0..<ScanPosition.maxBounds))
  }
}
