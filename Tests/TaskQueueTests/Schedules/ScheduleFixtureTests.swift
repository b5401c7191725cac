import Foundation
import TaskQueue
import Testing

/// Against what other programs say (`scripts/schedule-fixture`).
@Suite("Rules of schedules against independent implementations")
struct ScheduleFixtureTests {
  private struct Slots {
    var rule: String
    var decade: Int
    var count: Int
    var hash: String
  }

  private struct Zone {
    var name: String
    var file: [UInt8]
    /// Seconds since 1970.
    var changes: [Int64] = []
    var slots: [Slots] = []
  }

  private static func lines() throws -> [[String]] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Fixtures/schedules.txt")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: "\t").map(String.init)
    }
  }

  /// The sums of differences.
  private static func sums(_ text: String, from start: Int64 = 0) throws -> [Int64] {
    var sum = start
    return try text.split(separator: " ").map {
      sum += try #require(Int64($0))
      return sum
    }
  }

  private static func zones() throws -> [Zone] {
    var zones: [Zone] = []
    for line in try lines() {
      switch line[0] {
      case "zone":
        zones.append(Zone(name: line[1], file: [UInt8](try #require(Data(base64Encoded: line[2])))))
      case "changes": zones[zones.count - 1].changes = try sums(line[1]).map { $0 * 60 }
      case "slots":
        let slots = Slots(
          rule: line[1],
          decade: try #require(Int(line[2])),
          count: try #require(Int(line[3])),
          hash: line[4]
        )
        zones[zones.count - 1].slots.append(slots)
      default: break
      }
    }
    return zones
  }

  private static func fnv(_ numbers: [Int64]) -> String {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for number in numbers {
      for byte in "\(number)\n".utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  private static func seconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970) }
  private static func date(_ seconds: Int64) -> Date { Date(timeIntervalSince1970: Double(seconds)) }

  private static let reach: Int64 = 36 * 3_600

  @Test(
    "A century of clock changes in ten zones: each slot around each change is the one that looking at the clock gives"
  )
  func changesOfClocks() throws {
    let zones = try Self.zones()
    #expect(zones.count == 10)
    var compared = 0
    for zone in zones {
      let table = try #require(ZoneTable(tzif: zone.file))
      for expected in zone.slots {
        let rule = try ScheduleRule.cron(expected.rule, timeZone: zone.name, table: table)
        let begin = try #require(CalendarDay.seconds(year: expected.decade))
        let end = try #require(CalendarDay.seconds(year: expected.decade + 10))
        var found: [Int64] = []
        for change in zone.changes where begin <= change && change < end {
          var slot = Self.date(change - Self.reach - 1)
          while let next = rule.next(after: slot), Self.seconds(next) < change + Self.reach {
            found.append(Self.seconds(next))
            slot = next
          }
        }
        let comment: Comment = "\(zone.name) \(expected.rule) \(expected.decade)"
        #expect(found.count == expected.count, comment)
        #expect(Self.fnv(found) == expected.hash, comment)
        compared += found.count
      }
    }
    #expect(compared > 100_000)
  }

  @Test("Random rules have the slots that croniter gives, one after the other and looked for backwards")
  func croniter() throws {
    var count = 0
    for line in try Self.lines() where line[0] == "cron" {
      let rule = try ScheduleRule.cron(line[1])
      let start = try #require(Int64(line[2]))
      let expected = try Self.sums(line[3], from: start)
      var found: [Int64] = []
      var slot = Self.date(start)
      while found.count < expected.count, let next = rule.next(after: slot) {
        found.append(Self.seconds(next))
        slot = next
      }
      #expect(found == expected, "\(line[1])")
      for (index, slot) in expected.enumerated().dropFirst() {
        #expect(rule.last(until: Self.date(slot)) == Self.date(slot), "\(line[1])")
        #expect(rule.last(until: Self.date(slot - 1)) == Self.date(expected[index - 1]), "\(line[1])")
      }
      count += 1
    }
    #expect(count == 300)
  }
}

/// The first of January.
private enum CalendarDay {
  static func seconds(year: Int) -> Int64? {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar.date(from: DateComponents(year: year, month: 1, day: 1)).map { Int64($0.timeIntervalSince1970) }
  }
}
