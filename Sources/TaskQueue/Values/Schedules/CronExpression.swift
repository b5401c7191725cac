/// Five or six fields of cron as sets, and the times that they name on a clock without time zone.
struct CronExpression: Sendable {
  /// Bit n: the value n.
  var seconds: UInt64 = 1
  var minutes: UInt64 = 0
  var hours: UInt64 = 0
  var months: UInt64 = 0
  var days = CronDays()
  /// The field of hours begins with a star: the rule goes by what hours there really are, not by a time of day.
  var hasEveryHour = false

  /// Later than this nothing is planned: behind it ``EnqueueOptions`` takes no instant either.
  static let lastYear = 4_000

  /// The first time from `local` on, in seconds since 1970 of the clock; nil: none before ``lastYear`` ends.
  func next(fromLocal local: Int64) -> Int64? {
    let start = CivilTime(seconds: local)
    var (year, month) = (start.year, start.month)
    var day = start.day
    // The first day's rest.
    if months.has(month), days.mask(year: year, month: month).has(day),
      let time = time(from: start.hour, start.minute, start.second)
    {
      return CivilTime(year: year, month: month, day: day).seconds + time
    }
    day += 1
    while year <= Self.lastYear {
      if months.has(month), let found = days.mask(year: year, month: month).next(from: day),
        let time = time(from: 0, 0, 0)
      {
        return CivilTime(year: year, month: month, day: found).seconds + time
      }
      day = 1
      month += 1
      if month > 12 { (year, month) = (year + 1, 1) }
    }
    return nil
  }

  /// Whether there is a day in any year that it names. The calendar of weekdays repeats after 28 years.
  var isPossible: Bool {
    (2000..<2028).contains { year in
      (1...12).contains { months.has($0) && days.mask(year: year, month: $0) != 0 }
    }
  }

  /// Seconds of the day.
  private func time(from hour: Int, _ minute: Int, _ second: Int) -> Int64? {
    if hours.has(hour) {
      if minutes.has(minute), let second = seconds.next(from: second) {
        return Int64(hour * 3_600 + minute * 60 + second)
      }
      if let minute = minutes.next(from: minute + 1) {
        return Int64(hour * 3_600 + minute * 60 + seconds.trailingZeroBitCount)
      }
    }
    return hours.next(from: hour + 1).map {
      Int64($0 * 3_600 + minutes.trailingZeroBitCount * 60 + seconds.trailingZeroBitCount)
    }
  }
}

/// The days that two fields of cron name together: those of the month and those of the week.
struct CronDays: Sendable {
  /// 1 to 31.
  var ofMonth: UInt64 = 0
  /// `L` is 0, `L-3` is 3.
  var beforeLast: UInt64 = 0
  /// `15W`: the weekday, Monday to Friday, that is nearest and in the same month.
  var nearestWeekdays: UInt64 = 0
  /// `LW`.
  var hasLastWeekday = false
  /// 0 is Sunday.
  var ofWeek: UInt64 = 0
  /// `FRI#2` is 5 × 8 + 2.
  var nthOfWeek: UInt64 = 0
  /// `FRIL`.
  var lastOfWeek: UInt64 = 0
  /// Whether a field does not begin with a star: if neither does, a day needs to be in one of them only.
  var restrictsMonth = false
  var restrictsWeek = false

  /// Bit n: the day n of this month.
  func mask(year: Int, month: Int) -> UInt64 {
    let count = CivilTime.dayCount(year: year, month: month)
    let all = UInt64.max >> (63 - UInt64(count)) & ~1
    let first = CivilTime.weekday(year: year, month: month, day: 1)
    let byMonth = monthMask(count: count, first: first)
    let byWeek = weekMask(count: count, first: first)
    return (restrictsMonth && restrictsWeek ? byMonth | byWeek : byMonth & byWeek) & all
  }

  private func monthMask(count: Int, first: Int) -> UInt64 {
    var mask = ofMonth
    guard beforeLast | nearestWeekdays != 0 || hasLastWeekday else { return mask }
    for offset in 0..<count where beforeLast.has(offset) { mask.add(count - offset) }
    func weekday(_ day: Int) -> Int { (first + day - 1) % 7 }
    for day in 1...count where nearestWeekdays.has(day) {
      switch weekday(day) {
      case 6: mask.add(day > 1 ? day - 1 : day + 2)
      case 0: mask.add(day < count ? day + 1 : day - 2)
      default: mask.add(day)
      }
    }
    if hasLastWeekday {
      switch weekday(count) {
      case 6: mask.add(count - 1)
      case 0: mask.add(count - 2)
      default: mask.add(count)
      }
    }
    return mask
  }

  private func weekMask(count: Int, first: Int) -> UInt64 {
    var mask: UInt64 = 0
    for weekday in 0...6 {
      let day = (weekday - first + 7) % 7 + 1
      if ofWeek.has(weekday) { for day in stride(from: day, through: count, by: 7) { mask.add(day) } }
      for nth in 1...5 where nthOfWeek.has(weekday * 8 + nth) { mask.add(day + (nth - 1) * 7) }
      if lastOfWeek.has(weekday) { mask.add(day + (count - day) / 7 * 7) }
    }
    return mask
  }
}

/// Sets of small numbers.
extension UInt64 {
  func has(_ bit: Int) -> Bool { self >> UInt64(bit) & 1 == 1 }

  mutating func add(_ bit: Int) { self |= 1 << UInt64(bit) }

  /// The first bit from this one on.
  func next(from bit: Int) -> Int? {
    guard bit < 64 else { return nil }
    let rest = self >> UInt64(bit)
    return rest == 0 ? nil : bit + rest.trailingZeroBitCount
  }
}
