#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// When a schedule makes its tasks: a rule of cron in a time zone, or an interval. A *slot* is one instant of it, always a whole second.
///
/// ```swift
/// let nightly = try ScheduleRule.cron("0 3 * * *", timeZone: "Europe/Berlin")
/// let quarterly = try ScheduleRule.every(.seconds(900))
/// ```
///
/// ## When clocks are changed
/// A rule whose hours begin with a star (`*`, `*/2`) goes through the hours that there really are: none in a gap, twice what clocks show
/// twice. Any other rule names times of the day, and each is one slot: one that clocks skip is made up for at the end of the gap (several in
/// one gap: once), one that they show twice is the first of the two.
public struct ScheduleRule: Sendable {
  private enum Kind: Sendable {
    case cron(CronExpression, ZoneTable)
    case interval(seconds: Int64, anchor: Int64)
  }

  /// As it is stored: a rule of cron, or `every 15 min` with or without ` from 2026-01-01T00:00:00Z`.
  public let text: String
  /// A name of the tz database, such as `Europe/Berlin`. Intervals do not depend on it.
  public let timeZone: String
  private let kind: Kind

  /// Cron's five fields, or six with the seconds first: minute, hour, day of month, month, day of week.
  ///
  /// Names (`JAN`, `MON`), lists (`1,15`), ranges (`1-5`), steps (`*/15`, `10-40/10`), `?` for any day; days of the month also from the end (`L`,
  /// `L-3`) and the weekday next to one (`15W`, `LW`), weekdays also by number (`FRI#2`) and the last (`FRIL`); 0 and 7 are Sunday. If both
  /// days are given, one of them is enough; one that begins with a star has to be met too. Or a name: `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`.
  ///
  /// - Parameter timeZone: a name of the system's tz database; `UTC` works without one.
  /// - Throws: ``ScheduleRuleError``, also for a day that no month has.
  public static func cron(_ text: String, timeZone: String = "UTC") throws(ScheduleRuleError) -> ScheduleRule {
    guard let table = ZoneDatabase.table(timeZone) else {
      let cure = "a name such as Europe/Berlin, or UTC"
      throw ScheduleRuleError(
        rule: text,
        field: .timeZone,
        position: 1,
        problem: "this system does not know the time zone \"\(timeZone)\"",
        allowed: ZoneDatabase.isInstalled ? cure : "UTC; for others install the package tzdata, or set TZDIR"
      )
    }
    return try .cron(text, timeZone: timeZone, table: table)
  }

  package static func cron(
    _ text: String,
    timeZone: String,
    table: ZoneTable
  ) throws(ScheduleRuleError) -> ScheduleRule {
    ScheduleRule(text: text, timeZone: timeZone, kind: .cron(try CronExpression(text), table))
  }

  /// One slot per interval, whatever clocks are changed.
  ///
  /// - Parameters:
  ///   - interval: whole seconds, at least one, at most 100 years.
  ///   - anchor: an instant that is a slot; 1970-01-01 by default, so that `every(.seconds(900))` means 00, 15, 30 and 45 past. Cut to the second.
  public static func every(
    _ interval: Duration,
    anchor: Date = Date(timeIntervalSince1970: 0)
  ) throws(ScheduleRuleError) -> ScheduleRule {
    let (seconds, fraction) = interval.components
    let anchor = Self.seconds(anchor)
    guard fraction == 0, seconds >= 1, interval <= Limits.delay else {
      throw ScheduleRuleError(
        rule: "every \(interval)",
        field: .interval,
        position: 7,
        problem: "\(interval) is no interval",
        allowed: "whole seconds, from 1 to 100 years"
      )
    }
    let text = "every \(Words.interval(seconds))" + (anchor == 0 ? "" : " from \(Words.utc(anchor))")
    return ScheduleRule(text: text, timeZone: "UTC", kind: .interval(seconds: seconds, anchor: anchor))
  }

  /// Reads a rule as it is stored.
  public init(_ text: String, timeZone: String = "UTC") throws(ScheduleRuleError) {
    let words = text.split(separator: " ")
    guard words.first == "every" else {
      self = try .cron(text, timeZone: timeZone)
      return
    }
    let units = ["s": 1, "min": 60, "h": 3_600, "d": 86_400]
    guard words.count == 3 || words.count == 5 && words[3] == "from", let count = Int64(words[1]),
      let unit = units[String(words[2])], 1...Limits.delay.components.seconds / Int64(unit) ~= count,
      let anchor = words.count == 3 ? 0 : Words.instant(words[4])
    else {
      throw ScheduleRuleError(
        rule: text,
        field: .interval,
        position: min(7, text.count),
        problem: "it is no interval",
        allowed: "such as every 15 min, every 36 h from 2026-01-01T00:00:00Z, with s, min, h or d"
      )
    }
    self = try .every(
      .seconds(count * Int64(unit)),
      anchor: Date(timeIntervalSince1970: Double(anchor))
    )
  }

  private init(text: String, timeZone: String, kind: Kind) {
    self.text = text
    self.timeZone = timeZone
    self.kind = kind
  }

  // MARK: Slots

  /// The first slot after an instant; nil: none before the year 4001. Takes microseconds, however far it is.
  public func next(after instant: Date) -> Date? {
    next(after: Self.seconds(instant)).map { Date(timeIntervalSince1970: Double($0)) }
  }

  /// The last slot until an instant, that itself included; nil: none in the thousand years before.
  public func last(until instant: Date) -> Date? {
    last(until: Self.seconds(instant)).map { Date(timeIntervalSince1970: Double($0)) }
  }

  /// Slots of a time, ascending; at most `limit`.
  public func slots(in range: Range<Date>, limit: Int = Limits.page) -> [Date] {
    var slots: [Date] = []
    var instant = range.lowerBound.addingTimeInterval(-0.000_001)
    while slots.count < limit, let next = next(after: instant), next < range.upperBound {
      slots.append(next)
      instant = next
    }
    return slots
  }

  /// Whole seconds since 1970, cut; instants out of the years 1 to 4001 are those.
  static func seconds(_ instant: Date) -> Int64 {
    Int64(min(max(instant, .distantPast), .distantFuture).timeIntervalSince1970.rounded(.down))
  }

  func next(after instant: Int64) -> Int64? {
    switch kind {
    case .interval(let seconds, let anchor):
      let next = anchor + ((instant - anchor).flooredQuotient(by: seconds) + 1) * seconds
      return next < Self.end ? next : nil
    case .cron(let expression, let zone):
      return expression.hasEveryHour
        ? Self.nextReal(expression, zone, after: instant) : Self.nextNamed(expression, zone, after: instant)
    }
  }

  /// By ``next(after:)`` alone: between two instants so that the next slot after the first is not too late, and after the second is.
  func last(until instant: Int64) -> Int64? {
    var (after, until) = (instant - 1, instant)
    var reach: Int64 = 1
    while next(after: after).map({ $0 > instant }) ?? true {
      reach *= 4
      guard reach < 40_000_000_000 else { return nil }
      (until, after) = (after, instant - reach)
    }
    while until - after > 1 {
      let middle = after + (until - after) / 2
      if next(after: middle).map({ $0 <= instant }) ?? false { after = middle } else { until = middle }
    }
    return next(after: after)
  }

  private static let end = CivilTime(year: CronExpression.lastYear + 1, month: 1, day: 1).seconds

  /// Each time that clocks show what the rule names.
  private static func nextReal(_ expression: CronExpression, _ zone: ZoneTable, after instant: Int64) -> Int64? {
    var from = instant + 1
    while from < end {
      let segment = zone.segment(at: from)
      guard let local = expression.next(fromLocal: from + segment.offset) else { return nil }
      if local - segment.offset < segment.end { return local - segment.offset }
      from = segment.end
    }
    return nil
  }

  /// Each time of a day once.
  private static func nextNamed(_ expression: CronExpression, _ zone: ZoneTable, after instant: Int64) -> Int64? {
    let segment = zone.segment(at: instant)
    var from = instant + segment.offset + 1
    if segment.start > .min {
      // What clocks show for the second time had its slots the first time.
      from = max(from, segment.start + zone.segment(at: segment.start - 1).offset)
    }
    while let local = expression.next(fromLocal: from) {
      let slot = zone.instant(ofLocal: local)
      if slot > instant { return slot < end ? slot : nil }
      from = local + 1
    }
    return nil
  }
}

extension ScheduleRule: Hashable {
  public static func == (lhs: ScheduleRule, rhs: ScheduleRule) -> Bool {
    lhs.text == rhs.text && lhs.timeZone == rhs.timeZone
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(text)
    hasher.combine(timeZone)
  }
}
