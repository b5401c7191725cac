#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// What becomes of a schedule that is due: which slots have tasks, and which slot is next. Pure; the store's clock decides.
package enum SchedulePlanner {
  /// How many tasks one call makes at most; what is left is still due.
  static let maxTasks = 2_000

  package static func firings(of due: [DueSchedule], at now: Date) -> [ScheduleFiring] {
    var firings: [ScheduleFiring] = []
    var taskCount = 0
    for schedule in due {
      let firing = firing(of: schedule, at: now)
      taskCount += firing.slots.count
      guard firings.isEmpty || taskCount <= maxTasks else { break }
      firings.append(firing)
    }
    return firings
  }

  package static func firing(of due: DueSchedule, at now: Date) -> ScheduleFiring {
    var firing = ScheduleFiring(name: due.name, revision: due.revision, seenSlot: due.slot)
    let rule: ScheduleRule
    do { rule = try ScheduleRule(due.rule, timeZone: due.timeZone) } catch {
      firing.problem = "\(error)"
      return firing
    }
    let delay = jitter(of: due.name, within: due.jitter)
    // It is as if the schedule's clock were late by its jitter.
    let instant = now.addingTimeInterval(-Double(delay))
    if let slot = due.slot {
      firing.slots = slots(of: rule, from: slot, until: instant, catchUp: due.catchUp)
      // The store's clock may be before the slot: then nothing has come yet.
      firing.nextSlot = rule.next(after: max(instant, slot.addingTimeInterval(-1)))
    } else {
      firing.nextSlot = rule.next(after: instant)
    }
    firing.nextAt = firing.nextSlot?.addingTimeInterval(Double(delay))
    return firing
  }

  /// Those that have tasks among the slots from the one that is due until now; at most `catchUp`, the last ones.
  private static func slots(of rule: ScheduleRule, from slot: Date, until instant: Date, catchUp: Int) -> [Date] {
    guard slot <= instant else { return [] }
    var last = slot
    if let next = rule.next(after: slot), next <= instant { last = rule.last(until: instant) ?? slot }
    guard catchUp > 0 else {
      return instant.timeIntervalSince(last) <= ScheduleOptions.missedAfter / .seconds(1) ? [last] : []
    }
    var slots: [Date] = []
    while last >= slot, slots.count < min(catchUp, Limits.page) {
      slots.append(last)
      guard last > slot, let before = rule.last(until: last.addingTimeInterval(-1)) else { break }
      last = before
    }
    return slots.reversed()
  }

  /// Seconds; the same for a name at all times and everywhere (FNV-1a).
  static func jitter(of name: String, within jitter: Duration) -> Int64 {
    guard jitter > .zero else { return 0 }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    // The upper bits of short names differ little.
    hash ^= hash >> 32
    return Int64(hash % UInt64(jitter.components.seconds + 1))
  }
}
