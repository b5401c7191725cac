/// The rule that holds after the last change in a file of the tz database, such as `CET-1CEST,M3.5.0,M10.5.0/3` (the value of POSIX's TZ, with
/// the hours that RFC 9636 adds).
struct ZoneFooter: Sendable {
  /// A day of every year, and a time on it.
  private struct Change: Sendable {
    enum Day: Sendable {
      /// 1 to 365; the 29th of February is never counted.
      case julian(Int)
      /// 0 to 365.
      case zeroBased(Int)
      /// Of a month, the week 1 to 5 (5: the last), the weekday (0: Sunday).
      case week(month: Int, week: Int, weekday: Int)
    }

    var day: Day
    /// Seconds after midnight, also below zero and above a day.
    var time: Int64

    /// In seconds since 1970 of the clock that holds before the change.
    func local(in year: Int) -> Int64 {
      let days: Int
      switch day {
      case .julian(let number):
        let leapDay = CivilTime.isLeap(year) && number >= 60 ? 1 : 0
        days = CivilTime.days(year: year, month: 1, day: 1) + number - 1 + leapDay
      case .zeroBased(let number): days = CivilTime.days(year: year, month: 1, day: 1) + number
      case .week(let month, let week, let weekday):
        let first = (weekday - CivilTime.weekday(year: year, month: month, day: 1) + 7) % 7 + 1
        var day = first + (week - 1) * 7
        if day > CivilTime.dayCount(year: year, month: month) { day -= 7 }
        days = CivilTime.days(year: year, month: month, day: day)
      }
      return Int64(days) * 86_400 + time
    }
  }

  private let standardOffset: Int64
  /// Summer time: its offset, its begin and its end; nil: none.
  private let summer: (offset: Int64, begin: Change, end: Change)?

  func segment(at instant: Int64, after first: Int64) -> ZoneTable.Segment {
    guard let summer else { return .init(start: first, end: .max, offset: standardOffset) }
    let year = CivilTime(seconds: instant).year
    var changes: [(at: Int64, offset: Int64)] = []
    for year in year - 1...year + 1 {
      changes.append((summer.begin.local(in: year) - standardOffset, summer.offset))
      changes.append((summer.end.local(in: year) - summer.offset, standardOffset))
    }
    changes.sort { $0.at < $1.at }
    let next = changes.firstIndex { $0.at > instant } ?? changes.count - 1
    let last = changes[max(0, next - 1)]
    return .init(start: max(first, last.at), end: changes[next].at, offset: last.offset)
  }

  // MARK: Reading

  init?(_ text: String) {
    var reader = Reader(rest: text.utf8[...])
    guard reader.name(), let standard = reader.time(maxHours: 24) else { return nil }
    standardOffset = -standard
    guard !reader.rest.isEmpty else {
      summer = nil
      return
    }
    guard reader.name() else { return nil }
    var offset = standardOffset + 3_600
    if reader.rest.first != Reader.comma {
      guard let given = reader.time(maxHours: 24) else { return nil }
      offset = -given
    }
    guard let begin = reader.change(), let end = reader.change(), reader.rest.isEmpty else { return nil }
    summer = (offset, begin, end)
  }

  private struct Reader {
    static let comma = UInt8(ascii: ",")

    var rest: Substring.UTF8View

    mutating func take(_ character: Character) -> Bool {
      guard let byte = character.asciiValue, rest.first == byte else { return false }
      rest.removeFirst()
      return true
    }

    mutating func name() -> Bool {
      if take("<") {
        guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
        rest = rest[rest.index(after: end)...]
        return true
      }
      let letters = rest.prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
      rest = rest.dropFirst(letters.count)
      return letters.count >= 3
    }

    mutating func number() -> Int? {
      let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
      rest = rest.dropFirst(digits.count)
      return digits.count <= 4 ? Int(Substring(digits)) : nil
    }

    /// Hours, and minutes and seconds if they are there.
    mutating func time(maxHours: Int) -> Int64? {
      let sign: Int64 = take("-") ? -1 : 1
      if sign == 1 { _ = take("+") }
      guard let hours = number(), hours <= maxHours else { return nil }
      var seconds = hours * 3_600
      for unit in [60, 1] where take(":") {
        guard let value = number(), value < 60 else { return nil }
        seconds += value * unit
      }
      return sign * Int64(seconds)
    }

    mutating func change() -> Change? {
      guard take(","), let day = day() else { return nil }
      guard take("/") else { return Change(day: day, time: 7_200) }
      return time(maxHours: 167).map { Change(day: day, time: $0) }
    }

    private mutating func day() -> Change.Day? {
      if take("M") {
        guard let month = number(), take("."), let week = number(), take("."), let weekday = number(), 1...12 ~= month,
          1...5 ~= week, 0...6 ~= weekday
        else { return nil }
        return .week(month: month, week: week, weekday: weekday)
      }
      if take("J") { return number().flatMap { 1...365 ~= $0 ? .julian($0) : nil } }
      return number().flatMap { 0...365 ~= $0 ? .zeroBased($0) : nil }
    }
  }
}
