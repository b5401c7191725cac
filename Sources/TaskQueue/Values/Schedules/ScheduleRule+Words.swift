#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension ScheduleRule: CustomStringConvertible {
  /// For people: "every day at 03:00 (Europe/Berlin)". A rule without short words is told as it is.
  public var description: String {
    if text.hasPrefix("every ") { return text }
    let zone = timeZone == "UTC" ? "UTC" : timeZone
    return "\(Words.cron(CronExpression.nicknames[text.lowercased()] ?? text) ?? "cron \(text)") (\(zone))"
  }

  /// For people: "every day at 03:00 (Europe/Berlin), next in 4 h".
  public func description(at now: Date) -> String {
    guard let next = next(after: now) else { return "\(self), never again" }
    return "\(self), next in \(Words.span(next.timeIntervalSince(now)))"
  }

  /// Texts of rules, intervals and instants.
  enum Words {
    private static let months = [
      "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
      "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// `15 min`, in the largest unit that divides it.
    static func interval(_ seconds: Int64) -> String {
      for (size, unit) in [(86_400, "d"), (3_600, "h"), (60, "min")] as [(Int64, String)] where seconds % size == 0 {
        return "\(seconds / size) \(unit)"
      }
      return "\(seconds) s"
    }

    /// Two digits of precision will do for a wait.
    static func span(_ seconds: Double) -> String {
      let seconds = max(0, seconds)
      return switch seconds {
      case ..<90: "\(Int(seconds.rounded(.up))) s"
      case ..<5_400: "\(Int((seconds / 60).rounded())) min"
      case ..<129_600: "\(Int((seconds / 3_600).rounded())) h"
      default: "\(Int((seconds / 86_400).rounded())) d"
      }
    }

    /// `2026-01-01T00:00:00Z`.
    static func utc(_ seconds: Int64) -> String {
      let time = CivilTime(seconds: seconds)
      let date = "\(padded(time.year, 4))-\(padded(time.month))-\(padded(time.day))"
      return "\(date)T\(padded(time.hour)):\(padded(time.minute)):\(padded(time.second))Z"
    }

    /// Seconds since 1970 of what ``utc(_:)`` writes.
    static func instant(_ text: some StringProtocol) -> Int64? {
      let parts = text.split { "-T:Z".contains($0) }.map { Int($0) }
      guard parts.count == 6, case let numbers = parts.compactMap(\.self), numbers.count == 6 else { return nil }
      let seconds = CivilTime(
        year: numbers[0],
        month: numbers[1],
        day: numbers[2],
        hour: numbers[3],
        minute: numbers[4],
        second: numbers[5]
      ).seconds
      return 1...9_999 ~= numbers[0] && utc(seconds) == text ? seconds : nil
    }

    /// Whatever is a plain time of the day on plain days; nil: anything else.
    static func cron(_ text: String) -> String? {
      var fields = text.split(whereSeparator: \.isWhitespace).map(String.init)
      if fields.count == 6 {
        guard fields[0] == "0" else {
          let isPlain = fields.dropFirst().allSatisfy { $0 == "*" }
          return isPlain ? steps(fields[0]).map { every($0, "second") } : nil
        }
        fields.removeFirst()
      }
      guard fields.count == 5, let days = days(fields[2], fields[3], fields[4]) else { return nil }
      if fields[1] == "*" {
        let prefix = days == "every day" ? "" : ", \(days)"
        if let minutes = steps(fields[0]) { return every(minutes, "minute") + prefix }
        return Int(fields[0]).map { "every hour at :\(padded($0))\(prefix)" }
      }
      if let hours = steps(fields[1]), let minute = Int(fields[0]) {
        return "every \(hours) hours at :\(padded(minute))" + (days == "every day" ? "" : ", \(days)")
      }
      guard let minute = Int(fields[0]) else { return nil }
      let hours = fields[1].split(separator: ",").map { Int($0) }
      guard !hours.contains(nil) else { return nil }
      let times = hours.compactMap(\.self).map { "\(padded($0)):\(padded(minute))" }
      return "\(days) at \(list(times))"
    }

    private static func steps(_ field: String) -> Int? {
      field == "*" ? 1 : field.hasPrefix("*/") ? Int(field.dropFirst(2)) : nil
    }

    private static func every(_ count: Int, _ unit: String) -> String {
      count == 1 ? "every \(unit)" : "every \(count) \(unit)s"
    }

    private static func days(_ day: String, _ month: String, _ weekday: String) -> String? {
      let isAnyDay = ["*", "?"].contains(day)
      let isAnyWeekday = ["*", "?"].contains(weekday)
      if isAnyDay, isAnyWeekday {
        return month == "*" ? "every day" : name(month, of: .month).map { "every day in \($0)" }
      }
      let ofMonth = month == "*" ? "every month" : name(month, of: .month)
      guard let ofMonth else { return nil }
      if isAnyDay {
        if ["1-5", "MON-FRI"].contains(weekday.uppercased()), month == "*" { return "Monday to Friday" }
        guard let names = name(weekday, of: .dayOfWeek) else { return nil }
        return "every \(names)" + (month == "*" ? "" : " in \(ofMonth)")
      }
      guard isAnyWeekday else { return nil }
      if day.uppercased() == "L" { return "on the last day of \(ofMonth)" }
      let numbers = day.split(separator: ",").map { Int($0) }
      guard !numbers.contains(nil) else { return nil }
      let names = numbers.compactMap(\.self).map(String.init)
      return "on day\(names.count == 1 ? "" : "s") \(list(names)) of \(ofMonth)"
    }

    private static func name(_ field: String, of kind: CronField) -> String? {
      let names = kind.field == .month ? months : weekdays
      let values = field.split(separator: ",").map { part -> Int? in Int(part) ?? kind.names[part.uppercased()] }
      guard !values.contains(nil) else { return nil }
      let texts = values.compactMap(\.self).map { kind.field == .month ? names[$0 - 1] : names[$0 % 7] }
      return list(texts)
    }

    private static func list(_ texts: [String]) -> String {
      texts.count < 2 ? texts.joined() : "\(texts.dropLast().joined(separator: ", ")) and \(texts[texts.count - 1])"
    }

    private static func padded(_ number: Int, _ count: Int = 2) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
  }
}
