@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Schedules of one long period, and a worker's turns by hand.
///
/// A store with a real clock shifts its records instead, by whole periods: their slots stay slots.
struct ScheduleProbe: Sendable {
  static let periodSeconds = 3_600_000.0

  private let harness: any ScheduleHarness
  /// Whole seconds.
  private let start: Date
  var schedules: any ScheduleStore { harness.schedules }
  var store: any StoreContract { harness.store }

  init(_ harness: any ScheduleHarness, start: Date) {
    self.harness = harness
    self.start = Date(timeIntervalSince1970: start.timeIntervalSince1970.rounded(.down))
  }

  func definition(
    _ payload: String = "{}",
    _ change: (inout ScheduleOptions) -> Void = { _ in }
  ) throws -> ScheduleDefinition {
    let rule = try ScheduleRule.every(.seconds(Int(Self.periodSeconds)), anchor: start)
    return try ScheduleDefinition(rule, payload, as: StoreProbe.type, options: .with(change))
  }

  func put(_ name: String, payload: String = "{}", _ change: (inout ScheduleOptions) -> Void = { _ in }) async throws {
    try await schedules.putSchedules([(name, definition(payload, change))], asDeclared: false, within: nil)
  }

  func declare(_ name: String, _ definition: ScheduleDefinition) async throws {
    try await schedules.putSchedules([(name, definition)], asDeclared: true, within: .seconds(60))
  }

  func get(_ name: String) async throws -> TaskSchedule {
    guard let schedule = try await schedules.schedule(name) else {
      throw ConformanceFailure("There is no schedule \(name)")
    }
    return schedule
  }

  func fire(_ firings: [ScheduleFiring], look limit: Int = 100) async throws -> ScheduleLook {
    try await schedules.fire(firings, look: limit, within: .seconds(60))
  }

  /// What a worker does until nothing is due. Returns how many tasks its firings made, if all of them counted.
  func turn() async throws -> Int {
    var count = 0
    var firings: [ScheduleFiring] = []
    for _ in 1...1_000 {
      let look = try await fire(firings)
      if look.firedCount == firings.count { count += firings.reduce(0) { $0 + $1.slots.count } }
      guard !look.due.isEmpty else { return count }
      firings = SchedulePlanner.firings(of: look.due, at: look.storeTime)
    }
    throw ConformanceFailure("Something is due for ever")
  }

  func advance(by duration: Duration) async throws { try await harness.advance(by: duration) }

  func period() async throws { try await advance(by: .seconds(Int(Self.periodSeconds))) }

  /// The slot so many periods after the last one that has come.
  func slot(_ number: Int) async throws -> Date {
    let elapsed = try await fire([], look: 0).storeTime.timeIntervalSince(start)
    return start.addingTimeInterval(
      ((elapsed / Self.periodSeconds).rounded(.down) + Double(number)) * Self.periodSeconds
    )
  }

  /// By id.
  func tasks() async throws -> [TaskSnapshot] { try await store.tasks(after: nil, limit: Limits.page) }
}
