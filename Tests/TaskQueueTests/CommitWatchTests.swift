import Foundation
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("From when on tasks may have been committed late")
struct CommitWatchTests {
  private static let window = ScanPosition.commitWindow / .seconds(1)
  private var watch = CommitWatch()

  private func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds) }

  /// What a look at that second brings.
  private mutating func look(_ second: Double, _ ids: Set<String>) -> Date? {
    watch.note(OpenWriters(at: at(second), ids: ids))
  }

  @Test("Without long transactions: from the last look on, and the commit window before")
  mutating func short() {
    #expect(look(10, []) == nil)
    #expect(look(20, []) == at(10) - Self.window)
    #expect(look(30, []) == at(20) - Self.window)
  }

  @Test("When a transaction ends: from the look before the one that first saw it")
  mutating func long() {
    _ = look(10, [])
    _ = look(20, [])
    #expect(look(30, ["a"]) == at(20) - Self.window)
    #expect(look(40, ["a", "b"]) == at(30) - Self.window, "it is still open")
    #expect(look(50, ["b"]) == at(20) - Self.window, "a has ended")
    #expect(look(60, []) == at(30) - Self.window, "b has ended")
    #expect(look(70, []) == at(60) - Self.window)
  }

  @Test("When one ends that was open at the first look: everything")
  mutating func unknown() {
    _ = look(10, ["a"])
    #expect(look(20, ["a"]) == at(10) - Self.window)
    #expect(look(30, []) == .distantPast)
    #expect(look(40, ["a"]) == at(30) - Self.window)
  }

  @Test("Of several that ended the oldest counts")
  mutating func several() {
    _ = look(10, [])
    _ = look(20, ["a"])
    _ = look(30, ["a", "b"])
    #expect(look(40, []) == at(10) - Self.window)
  }

  @Test("A look at everything that ends between two claims makes nobody forget who was writing; a pause does")
  func kept() {
    var stragglers = Stragglers()
    _ = stragglers.beginWatch(at: .zero)
    stragglers.noteWriters(OpenWriters(at: at(10), ids: ["a"]))
    let second = stragglers.beginWatch(at: .zero)
    stragglers.endWatch(at: second)
    _ = stragglers.beginWatch(at: second.advanced(by: .milliseconds(2)))
    stragglers.noteWriters(OpenWriters(at: at(20), ids: []))
    #expect(stragglers.missedFrom == .distantPast, "a has ended")
    stragglers.endWatch(at: second)
    #expect(stragglers.missedFrom == nil)
    _ = stragglers.beginWatch(at: second.advanced(by: CommitWatch.interval * 2))
    stragglers.noteWriters(OpenWriters(at: at(30), ids: []))
    #expect(stragglers.missedFrom == nil, "nobody is known any more")
  }
}
