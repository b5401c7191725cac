import Foundation
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("When a worker looks at the schedules")
struct ScheduleMachineTests {
  private typealias Instant = WorkerClock.Instant

  private func machine(_ declarations: [(name: String, definition: ScheduleDefinition)] = []) -> ScheduleMachine {
    ScheduleMachine(declarations, callLimit: .seconds(10), seed: 7, at: .zero)
  }

  private func look(
    _ due: [DueSchedule] = [],
    fired: Int = 0,
    next: Duration? = nil,
    hasAny: Bool = true
  ) -> ScheduleMachine.Answer {
    .looked(
      ScheduleLook(
        firedCount: fired,
        due: due,
        nextDueIn: next,
        storeTime: Date(timeIntervalSince1970: 1_000_000),
        hasAny: hasAny
      )
    )
  }

  private let due = DueSchedule(
    name: "a",
    revision: 3,
    rule: "every 60 s",
    timeZone: "UTC",
    catchUp: 1,
    jitter: .zero,
    slot: Date(timeIntervalSince1970: 999_960)
  )

  private func at(_ seconds: Double) -> Instant { .zero.advanced(by: .seconds(seconds)) }

  @Test("It declares first, then looks, fires at once what is due, and comes again exactly at the next slot")
  func life() throws {
    let definition = try ScheduleDefinition(.every(.seconds(60)), 1, as: "t")
    var machine = machine([("a", definition)])
    let declare = try #require(machine.advance(at: .zero).order)
    guard case .declare(let declared) = declare.call else { return #expect(Bool(false), "no declaration") }
    #expect(declared.map(\.name) == ["a"])
    #expect(machine.advance(at: .zero).order == nil)
    machine.end(declare, .declared, at: .zero)
    let first = try #require(machine.advance(at: .zero).order)
    guard case .fire(let none, _) = first.call else { return #expect(Bool(false), "no look") }
    #expect(none.isEmpty)
    machine.end(first, look([due]), at: at(1))
    let second = try #require(machine.advance(at: at(1)).order)
    guard case .fire(let firings, _) = second.call else { return #expect(Bool(false), "no firing") }
    // 999,960 and 60 s later; one of them has come.
    #expect(firings.map(\.slots) == [[Date(timeIntervalSince1970: 999_960)]])
    #expect(firings.first?.nextSlot == Date(timeIntervalSince1970: 1_000_020))
    machine.end(second, look(fired: 1, next: .seconds(2.5)), at: at(2))
    #expect(machine.advance(at: at(2)).wakeAt == at(4.5))
    #expect(machine.advance(at: at(4.4)).order == nil)
    #expect(machine.advance(at: at(4.5)).order != nil)
  }

  @Test("Without a slot it looks every 10 s or so, without any schedule once a minute, and at once at a hint")
  func polls() throws {
    for (hasAny, seconds) in [(true, 10.0), (false, 60)] {
      var machine = machine()
      let order = try #require(machine.advance(at: .zero).order)
      machine.end(order, look(next: .seconds(3_600), hasAny: hasAny), at: .zero)
      let wakeAt = machine.advance(at: .zero).wakeAt
      #expect(at(seconds * 0.74) < wakeAt && wakeAt <= at(seconds))
      machine.hint()
      #expect(machine.advance(at: at(1)).order != nil)
    }
  }

  @Test("A failure is tried again with longer and longer waits, and told; a late answer counts for nothing")
  func failures() throws {
    var machine = machine()
    var now = Instant.zero
    var waits: [Duration] = []
    for _ in 1...12 {
      let order = try #require(machine.advance(at: now).order)
      machine.end(order, .failed(TaskQueueError(.storeFailed, "away")), at: now)
      machine.hint()
      let wakeAt = machine.advance(at: now).wakeAt
      waits.append(now.duration(to: wakeAt))
      now = wakeAt
    }
    #expect(waits[0] < .milliseconds(60))
    #expect(waits.allSatisfy { $0 < .seconds(6) } && waits[11] > .seconds(4))
    #expect(machine.takeEvents().count == 12)
    let hanging = try #require(machine.advance(at: now).order)
    let end = machine.advance(at: now).wakeAt
    #expect(now.duration(to: end) == .seconds(11))
    #expect(machine.advance(at: end).order == nil)
    #expect(machine.takeEvents().count == 1)
    machine.end(hanging, look([due]), at: end)
    let next = machine.advance(at: end).wakeAt
    #expect(end < next)
    let order = try #require(machine.advance(at: next).order)
    guard case .fire(let firings, _) = order.call else { return #expect(Bool(false), "no look") }
    #expect(firings.isEmpty)
  }

  @Test("A worker that is always second waits a little before it looks again")
  func defeats() throws {
    var machine = machine()
    var now = Instant.zero
    machine.end(try #require(machine.advance(at: now).order), look([due]), at: now)
    for _ in 1...10 {
      let fire = try #require(machine.advance(at: now).order)
      machine.end(fire, look([due], fired: 0), at: now)
      let wakeAt = machine.advance(at: now).wakeAt
      #expect(now < wakeAt && now.duration(to: wakeAt) <= .milliseconds(110))
      now = wakeAt
      let again = try #require(machine.advance(at: now).order)
      machine.end(again, look([due]), at: now)
    }
  }

  // MARK: What is made

  private func plan(_ slot: String?, at now: String, _ change: (inout DueSchedule) -> Void = { _ in }) throws
    -> ScheduleFiring
  {
    var due = due
    due.rule = "0 3 * * *"
    due.timeZone = "Europe/Berlin"
    due.slot = try slot.map { try Date($0, strategy: .iso8601) }
    change(&due)
    return SchedulePlanner.firing(of: due, at: try Date(now, strategy: .iso8601))
  }

  @Test("Catch-up: none makes a slot within a minute only, the last one is made however late, several oldest first")
  func catchUp() throws {
    func days(_ count: Int, _ now: String) throws -> [String] {
      try plan("2026-11-01T02:00:00Z", at: now) { $0.catchUp = count }.slots.map {
        String($0.formatted(.iso8601).prefix(10))
      }
    }
    #expect(try days(0, "2026-11-01T02:00:30Z") == ["2026-11-01"])
    #expect(try days(0, "2026-11-01T02:01:30Z") == [])
    #expect(try days(0, "2026-11-05T02:00:30Z") == ["2026-11-05"])
    #expect(try days(1, "2026-11-05T01:00:00Z") == ["2026-11-04"])
    #expect(try days(3, "2026-11-05T01:00:00Z") == ["2026-11-02", "2026-11-03", "2026-11-04"])
    #expect(try days(100, "2026-11-05T01:00:00Z").count == 4)
    // A clock that went back: nothing has come, and the slot stays.
    let back = try plan("2026-11-01T02:00:00Z", at: "2026-10-30T12:00:00Z")
    #expect(back.slots.isEmpty && back.nextSlot == back.seenSlot)
    // A year of seconds is not counted one by one.
    let seconds = try plan("2026-01-01T00:00:00Z", at: "2026-12-31T00:00:00Z") { $0.rule = "* * * * * *" }
    #expect(seconds.slots == [try Date("2026-12-31T00:00:00Z", strategy: .iso8601)])
  }

  @Test("Jitter makes a schedule late by the same time at every slot, and spreads the names")
  func jitter() throws {
    let plain = try plan(nil, at: "2026-11-01T12:00:00Z")
    #expect(plain.nextAt == plain.nextSlot)
    let late = try plan(nil, at: "2026-11-01T12:00:00Z") { $0.jitter = .seconds(3_600) }
    let delay = SchedulePlanner.jitter(of: "a", within: .seconds(3_600))
    #expect(late.nextSlot == plain.nextSlot && late.nextAt == late.nextSlot?.addingTimeInterval(Double(delay)))
    // Between slot and its jitter's end the slot has not come.
    let early = try plan("2026-11-02T02:00:00Z", at: "2026-11-02T02:00:00Z") { $0.jitter = .seconds(3_600) }
    #expect(early.slots.isEmpty == (delay > 0))
    let delays = (0..<1_000).map { SchedulePlanner.jitter(of: "schedule-\($0)", within: .seconds(99)) }
    for decade in 0..<10 { #expect(60...140 ~= delays.count { $0 / 10 == Int64(decade) }) }
  }

  @Test("A rule that nobody can read is told, and changes nothing")
  func broken() throws {
    let firing = try plan("2026-11-01T02:00:00Z", at: "2026-11-05T01:00:00Z") { $0.rule = "0 3 31 2 *" }
    #expect(firing.slots.isEmpty && firing.problem?.contains("day of month") == true)
  }
}
