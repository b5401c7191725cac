import Foundation
import TaskQueue
import Testing

@Suite("Rules of schedules")
struct ScheduleRuleTests {
  private func instant(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  private func slots(_ rule: ScheduleRule, after start: String, _ count: Int) throws -> [String] {
    var slot = try instant(start)
    return try (0..<count).map { _ in
      slot = try #require(rule.next(after: slot))
      return slot.formatted(.iso8601)
    }
  }

  @Test(
    "A skipped hour is made up for once after it, a repeated one comes once; hours with a star go through all that there are"
  )
  func clockChanges() throws {
    let half = try ScheduleRule.cron("30 2 * * *", timeZone: "Europe/Berlin")
    #expect(
      try slots(half, after: "2026-03-28T12:00:00Z", 2) == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    )
    #expect(
      try slots(half, after: "2026-10-24T12:00:00Z", 2) == ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    )
    let quarters = try ScheduleRule.cron("*/15 2 * * *", timeZone: "Europe/Berlin")
    #expect(try slots(quarters, after: "2026-03-28T12:00:00Z", 2) == ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"])
    // From the second time that clocks show 02:20.
    #expect(try slots(quarters, after: "2026-10-25T01:20:00Z", 1) == ["2026-10-26T01:00:00Z"])
    let hourly = try ScheduleRule.cron("@hourly", timeZone: "Europe/Berlin")
    #expect(
      try slots(hourly, after: "2026-10-24T23:30:00Z", 3)
        == ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]
    )
  }

  @Test(
    "Days: from the end, weekdays next to one, numbered weekdays; either field if both are restricted, both if one has a star"
  )
  func days() throws {
    let cases: [(String, [String])] = [
      ("0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31"]),
      ("0 0 L-3 2,3 ?", ["2026-02-25", "2026-03-28", "2027-02-25"]),
      ("0 0 15W * *", ["2026-01-15", "2026-02-16", "2026-03-16"]),
      ("0 0 1W 8 *", ["2026-08-03", "2027-08-02", "2028-08-01"]),
      ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31"]),
      ("0 0 * * FRI#2", ["2026-01-09", "2026-02-13", "2026-03-13"]),
      ("0 0 ? * friL", ["2026-01-30", "2026-02-27", "2026-03-27"]),
      ("0 0 13 * FRI", ["2026-01-02", "2026-01-09", "2026-01-13"]),
      ("0 0 */2 * MON", ["2026-01-05", "2026-01-19", "2026-02-09"]),
      ("0 0 * * SAT-SUN", ["2026-01-03", "2026-01-04", "2026-01-10"]),
      ("0 0 * * 5-7", ["2026-01-02", "2026-01-03", "2026-01-04"]),
      ("0 0 29 2 *", ["2028-02-29", "2032-02-29", "2036-02-29"]),
      ("0 0 29 2 MON#5", ["2028-02-29", "2032-02-29", "2036-02-29"]),
      ("@yearly", ["2027-01-01", "2028-01-01", "2029-01-01"]),
      ("@weekly", ["2026-01-04", "2026-01-11", "2026-01-18"]),
    ]
    for (text, expected) in cases {
      let found = try slots(.cron(text), after: "2026-01-01T00:00:00Z", 3)
      #expect(found == expected.map { "\($0)T00:00:00Z" }, "\(text)")
    }
  }

  @Test("Six fields begin with the seconds; an interval keeps to its anchor, whatever the clocks do")
  func secondsAndIntervals() throws {
    #expect(
      try slots(.cron("10,40 59 23 31 12 *"), after: "2026-01-01T00:00:00Z", 3)
        == ["2026-12-31T23:59:10Z", "2026-12-31T23:59:40Z", "2027-12-31T23:59:10Z"]
    )
    #expect(try slots(.every(.seconds(900)), after: "2026-01-01T00:00:00Z", 1) == ["2026-01-01T00:15:00Z"])
    let anchored = try ScheduleRule.every(.seconds(36 * 3_600), anchor: instant("2030-01-01T06:00:00Z"))
    #expect(anchored.text == "every 36 h from 2030-01-01T06:00:00Z")
    #expect(
      try slots(anchored, after: "2029-12-29T00:00:00Z", 2) == ["2029-12-29T06:00:00Z", "2029-12-30T18:00:00Z"]
    )
    #expect(try ScheduleRule(anchored.text) == anchored)
    #expect(try ScheduleRule("every 15 min") == .every(.seconds(900)))
    let range = try instant("2026-01-01T00:00:00Z")..<instant("2026-01-01T01:00:00Z")
    #expect(try ScheduleRule.every(.seconds(900)).slots(in: range).count == 4)
    #expect(try ScheduleRule.cron("* * * * *").last(until: instant("2026-01-01T00:00:59Z")) == range.lowerBound)
  }

  @Test("What cannot be read is refused with field, place and what is allowed")
  func errors() throws {
    let cases: [(String, ScheduleRuleError.Field?, Int, String)] = [
      ("61 * * * *", .minute, 1, "61 is out of range"), ("* 1,24 * * *", .hour, 5, "24 is out of range"),
      ("* * 0 * *", .dayOfMonth, 5, "0 is out of range"), ("* * * JAM *", .month, 7, "\"JAM\" is no value"),
      ("* * * * 8", .dayOfWeek, 9, "8 is out of range"), ("60 * * * * *", .second, 1, "60 is out of range"),
      ("*/0 * * * *", .minute, 3, "a step is a number above zero"), ("*/ * * * *", .minute, 3, "a step"),
      ("5-1 * * * *", .minute, 1, "a range goes from the lower"), ("1, * * * *", .minute, 3, "a value is missing"),
      ("? * * * *", .minute, 1, "? may stand for a day only"), ("* * * * FRI#6", .dayOfWeek, 13, "1 … 5 times"),
      ("* * L-31 * *", .dayOfMonth, 7, "0 … 30"), ("* * *", nil, 5, "it has 3 fields"), ("", nil, 1, "it has 0 fields"),
      ("@often", nil, 1, "no such name"), ("* * * * L", .dayOfWeek, 9, "a value is missing"),
      ("0 0 31 2 *", .dayOfMonth, 5, "no month that it names has such a day"),
      ("0 0 30,31 FEB ?", .dayOfMonth, 5, "no month"), ("0 0 31 2,4,6,9,11 *", .dayOfMonth, 5, "no month"),
      ("0 0 L-30 2 *", .dayOfMonth, 5, "no month"), ("-1 * * * *", .minute, 1, "a value is missing"),
      ("every 0 min", .interval, 7, "no interval"), ("every 5 weeks", .interval, 7, "no interval"),
      ("every 99999999999 d", .interval, 7, "no interval"), ("every 1 d from tomorrow", .interval, 7, "no interval"),
    ]
    for (text, field, position, problem) in cases {
      let error = #expect(throws: ScheduleRuleError.self, "\(text)") { try ScheduleRule(text) }
      #expect(error?.field == field, "\(text)")
      #expect(error?.position == position, "\(text): \(error?.description ?? "")")
      #expect(error?.problem.contains(problem) == true, "\(text): \(error?.description ?? "")")
      #expect(error?.allowed.isEmpty == false)
    }
    let zone = #expect(throws: ScheduleRuleError.self) { try ScheduleRule.cron("@daily", timeZone: "Europe/Bonn") }
    #expect(zone?.field == .timeZone)
    #expect(throws: ScheduleRuleError.self) { try ScheduleRule.cron("@daily", timeZone: "../../etc/passwd") }
    let broken = #expect(throws: ScheduleRuleError.self) { try ScheduleRule.every(.milliseconds(1_500)) }
    #expect(broken?.rule == "every 1.5 seconds")
    #expect(throws: ScheduleRuleError.self) { try ScheduleRule.every(.zero) }
    // Possible, though seldom.
    #expect(try slots(.cron("0 0 29 2 ?"), after: "2096-03-01T00:00:00Z", 1) == ["2104-02-29T00:00:00Z"])
    #expect(try slots(.cron("0 0 * FEB MON#5"), after: "2026-01-01T00:00:00Z", 1) == ["2044-02-29T00:00:00Z"])
  }

  @Test("A rule says what it means in words")
  func words() throws {
    let cases = [
      "0 3 * * *": "every day at 03:00 (Europe/Berlin)", "5 * * * *": "every hour at :05 (Europe/Berlin)",
      "*/15 * * * *": "every 15 minutes (Europe/Berlin)", "* * * * *": "every minute (Europe/Berlin)",
      "30 7,18 * * 1-5": "Monday to Friday at 07:30 and 18:30 (Europe/Berlin)",
      "0 0 L * *": "on the last day of every month at 00:00 (Europe/Berlin)",
      "0 9 1,15 JAN,JUL ?": "on days 1 and 15 of January and July at 09:00 (Europe/Berlin)",
      "0 9 * * MON,fri": "every Monday and Friday at 09:00 (Europe/Berlin)",
      "@daily": "every day at 00:00 (Europe/Berlin)",
      "*/10 * * * * *": "every 10 seconds (Europe/Berlin)", "0 */6 * * *": "every 6 hours at :00 (Europe/Berlin)",
      "1-7/2 4 * * *": "cron 1-7/2 4 * * * (Europe/Berlin)",
    ]
    for (text, words) in cases { #expect(try ScheduleRule.cron(text, timeZone: "Europe/Berlin").description == words) }
    #expect(try ScheduleRule.every(.seconds(5_400)).description == "every 90 min")
    let nightly = try ScheduleRule.cron("0 3 * * *", timeZone: "Europe/Berlin")
    #expect(
      nightly.description(at: try instant("2026-07-01T21:00:00Z"))
        == "every day at 03:00 (Europe/Berlin), next in 4 h"
    )
  }

  @Test("The next slot is found in microseconds, also one that is decades away")
  func speed() throws {
    let rules = try [
      ScheduleRule.cron("0 3 * * *", timeZone: "Europe/Berlin"), .cron("0 0 29 2 *", timeZone: "America/New_York"),
      .cron("59 59 23 31 12 ?"), .cron("* * * FEB MON#5", timeZone: "Europe/Berlin"),
    ]
    let start = try instant("2026-01-01T00:00:00Z")
    let clock = ContinuousClock()
    for rule in rules {
      let took = clock.measure { for _ in 0..<100 { _ = rule.next(after: start) } } / 100
      // A debug build on a busy machine; a scan by minutes takes seconds for the rare ones.
      #expect(took < .milliseconds(20), "\(rule) took \(took)")
    }
  }
}
