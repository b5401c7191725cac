extension CronExpression {
  /// Short names for whole rules.
  static let nicknames: [String: String] = [
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
  ]

  /// Five fields, or six with the seconds first.
  init(_ rule: String) throws(ScheduleRuleError) {
    if rule.hasPrefix("@") {
      guard let fields = Self.nicknames[rule.lowercased()] else {
        throw ScheduleRuleError(
          rule: rule,
          field: nil,
          position: 1,
          problem: "there is no such name",
          allowed: Self.nicknames.keys.sorted().joined(separator: ", ")
        )
      }
      self = try CronExpression(fields)
      return
    }
    var texts = CronText.fields(of: rule)
    guard 5...6 ~= texts.count else {
      throw ScheduleRuleError(
        rule: rule,
        field: nil,
        position: texts.count > 6 ? texts[6].position : max(1, rule.count),
        problem: "it has \(texts.count) fields",
        allowed: "five (minute, hour, day of month, month, day of week), or six with the second first"
      )
    }
    if texts.count == 6 { seconds = try CronField.second.values(texts.removeFirst()) }
    minutes = try CronField.minute.values(texts[0])
    hours = try CronField.hour.values(texts[1])
    hasEveryHour = texts[1].hasStar
    try CronField.dayOfMonth.read(texts[2], into: &days)
    months = try CronField.month.values(texts[3])
    try CronField.dayOfWeek.read(texts[4], into: &days)
    days.restrictsMonth = !texts[2].hasStar
    days.restrictsWeek = !texts[4].hasStar
    guard isPossible else {
      throw texts[2].error(.dayOfMonth, "no month that it names has such a day", "a day that one of the months has")
    }
  }
}

/// A piece of a rule, and where it stands.
struct CronText {
  let rule: String
  /// From 1.
  let position: Int
  let text: Substring

  static func fields(of rule: String) -> [CronText] {
    CronText(rule: rule, position: 1, text: rule[...]).split { $0.isWhitespace }.filter { !$0.text.isEmpty }
  }

  func split(where isSeparator: (Character) -> Bool) -> [CronText] {
    text.split(omittingEmptySubsequences: false, whereSeparator: isSeparator).map(piece)
  }

  private func piece(_ part: Substring) -> CronText {
    CronText(rule: rule, position: position + text.distance(from: text.startIndex, to: part.startIndex), text: part)
  }

  /// Before and after the first separator; nil: there is none.
  func cut(at separator: Character) -> (CronText, CronText)? {
    guard let index = text.firstIndex(of: separator) else { return nil }
    return (piece(text[..<index]), piece(text[text.index(after: index)...]))
  }

  /// Without its last character, if that is this one, in either case.
  func dropping(suffix: Character) -> CronText? {
    guard let last = text.last, last.uppercased() == String(suffix) else { return nil }
    return piece(text.dropLast())
  }

  var hasStar: Bool { text.first == "*" || text.first == "?" }
  var number: Int? { text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int(text) : nil }

  func error(_ field: ScheduleRuleError.Field, _ problem: String, _ allowed: String) -> ScheduleRuleError {
    ScheduleRuleError(rule: rule, field: field, position: position, problem: problem, allowed: allowed)
  }
}

/// What one field may say.
struct CronField {
  let field: ScheduleRuleError.Field
  let range: ClosedRange<Int>
  /// Names of values, in upper case.
  var names: [String: Int] = [:]
  var more = ""

  static let second = CronField(field: .second, range: 0...59)
  static let minute = CronField(field: .minute, range: 0...59)
  static let hour = CronField(field: .hour, range: 0...23)
  static let dayOfMonth = CronField(field: .dayOfMonth, range: 1...31, more: ", L, L-3, LW, 15W, ?")
  static let month = CronField(
    field: .month,
    range: 1...12,
    names: [
      "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11,
      "DEC": 12,
    ]
  )
  /// 7 is Sunday, too.
  static let dayOfWeek = CronField(
    field: .dayOfWeek,
    range: 0...7,
    names: ["SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6],
    more: ", FRI#2 (the second), FRIL (the last), ?"
  )

  private var allowed: String {
    let first = names.first { $0.value == range.lowerBound }?.key
    let last = names.first { $0.value == names.values.max() }?.key
    let words = first.flatMap { first in last.map { " or \(first) … \($0)" } } ?? ""
    return "\(range.lowerBound) … \(range.upperBound)\(words), lists (1,2), ranges (1-5), steps (*/2)\(more)"
  }

  private func error(_ text: CronText, _ problem: String) -> ScheduleRuleError { text.error(field, problem, allowed) }

  /// The values of a field without special letters.
  func values(_ text: CronText) throws(ScheduleRuleError) -> UInt64 {
    var all: UInt64 = 0
    for item in text.split(where: { $0 == "," }) { all |= try values(ofItem: item) }
    return all
  }

  /// A star, a value or a range, with or without a step.
  private func values(ofItem text: CronText) throws(ScheduleRuleError) -> UInt64 {
    let (span, stepText) = text.cut(at: "/").map { ($0.0, $0.1 as CronText?) } ?? (text, nil)
    var step = 1
    if let stepText {
      guard let given = stepText.number, given >= 1 else { throw error(stepText, "a step is a number above zero") }
      step = given
    }
    var (first, last) = (range.lowerBound, field == .dayOfWeek ? 6 : range.upperBound)
    if span.text == "?", field != .dayOfMonth, field != .dayOfWeek {
      throw error(span, "? may stand for a day only")
    } else if span.text != "*", span.text != "?" {
      if let (from, to) = span.cut(at: "-") {
        first = try value(from)
        last = try value(to)
        // A week ends with Sunday as well as it begins with it.
        if field == .dayOfWeek, last == 0, first > 0 { last = 7 }
        guard first <= last else { throw error(span, "a range goes from the lower to the higher value") }
      } else {
        first = try value(span)
        if stepText == nil { last = first }
      }
    }
    var values: UInt64 = 0
    for value in stride(from: first, through: last, by: step) { values.add(field == .dayOfWeek ? value % 7 : value) }
    return values
  }

  private func value(_ text: CronText) throws(ScheduleRuleError) -> Int {
    if let value = names[text.text.uppercased()] { return value }
    guard !text.text.isEmpty else { throw error(text, "a value is missing") }
    guard let value = text.number else { throw error(text, "\"\(text.text)\" is no value") }
    guard range ~= value else { throw error(text, "\(value) is out of range") }
    return value
  }

  // MARK: Days

  func read(_ text: CronText, into days: inout CronDays) throws(ScheduleRuleError) {
    for item in text.split(where: { $0 == "," }) {
      if field == .dayOfMonth {
        try readDayOfMonth(item, into: &days)
      } else {
        try readDayOfWeek(item, into: &days)
      }
    }
  }

  private func readDayOfMonth(_ item: CronText, into days: inout CronDays) throws(ScheduleRuleError) {
    let upper = item.text.uppercased()
    if upper == "L" {
      days.beforeLast.add(0)
    } else if upper == "LW" || upper == "WL" {
      days.hasLastWeekday = true
    } else if upper.hasPrefix("L-"), let (_, offset) = item.cut(at: "-") {
      guard let count = offset.number, 0...30 ~= count else {
        throw error(offset, "what is taken from the last day is 0 … 30")
      }
      days.beforeLast.add(count)
    } else if let day = item.dropping(suffix: "W") {
      days.nearestWeekdays.add(try value(day))
    } else {
      days.ofMonth |= try values(ofItem: item)
    }
  }

  private func readDayOfWeek(_ item: CronText, into days: inout CronDays) throws(ScheduleRuleError) {
    if let (day, nth) = item.cut(at: "#") {
      guard let number = nth.number, 1...5 ~= number else { throw error(nth, "a month has each weekday 1 … 5 times") }
      days.nthOfWeek.add(try value(day) % 7 * 8 + number)
    } else if let day = item.dropping(suffix: "L") {
      days.lastOfWeek.add(try value(day) % 7)
    } else {
      days.ofWeek |= try values(ofItem: item)
    }
  }
}
