import TaskQueue

/// What an address can ask for, by name, for the pages and the API alike. What is not among it, or cannot be read, is refused with what is allowed: an
/// answer to another question than the one that was asked is worse than none.
struct QueryRule: Sendable, ExpressibleByDictionaryLiteral {
  enum Value: Sendable {
    case text
    /// Several of one name.
    case texts
    case oneOf([String])
    case number(ClosedRange<Int64>)
    /// ``TaskCursor``.
    case place
    /// In UTC.
    case instant
  }

  /// What became of an action, which leads to every page: ``Saying``. Not asked for by anybody, so nothing is refused.
  private static let said: Set<String> = ["said", "n"]

  private let values: [(name: String, value: Value)]

  init(dictionaryLiteral elements: (String, Value)...) { values = elements.map { (name: $0, value: $1) } }

  private init(_ values: [(name: String, value: Value)]) { self.values = values }

  func and(_ other: QueryRule) -> QueryRule { QueryRule(values + other.values) }

  /// - Parameter takesEmptyOnes: a name without a value stands for none, as a browser sends the fields of a form.
  /// - Throws: ``Refusal`` with the parameter, and what it can be. Never with what was sent: nobody puts words into a page by its address.
  func check(_ query: FormFields, takesEmptyOnes: Bool) throws(Refusal) {
    var seen: Set<String> = []
    for field in query.fields where !Self.said.contains(field.name) {
      guard let (name, value) = values.first(where: { $0.name == field.name }) else { throw unknown(field.name) }
      if field.value.isEmpty, takesEmptyOnes { continue }
      guard !field.value.isEmpty else {
        throw .parameter(name, "\(name) is empty: leave it out if it does not matter.")
      }
      if case .texts = value {
      } else if !seen.insert(name).inserted {
        throw .parameter(name, "\(name) is there more than once, and can have one value only.")
      }
      try value.check(field.value, name)
    }
  }

  private func unknown(_ name: String) -> Refusal {
    let names = values.map(\.name)
    let known =
      names.isEmpty ? "Nothing can be asked for here." : "What can be asked for here: \(Wording.list(names, "and"))."
    return .parameter(name, "The address asks for something that is not known here. \(known)")
  }
}

extension QueryRule.Value {
  /// - Throws: ``Refusal`` with what it can be.
  func check(_ text: String, _ name: String) throws(Refusal) {
    guard !text.unicodeScalars.contains("\0") else { throw .parameter(name, "\(name) must not contain NUL.") }
    switch self {
    case .text, .texts: return
    case .oneOf(let words):
      guard words.contains(text) else { throw .parameter(name, "\(name) can only be \(Wording.list(words, "or")).") }
    case .number(let range):
      guard let number = Int64(text.trimmed), range.contains(number) else {
        let end = range.upperBound == .max ? "" : " to \(Wording.count(Int(range.upperBound)))"
        let bounds = end.isEmpty ? "of \(range.lowerBound) or more" : "from \(range.lowerBound)\(end)"
        throw .parameter(name, "\(name) must be a whole number \(bounds).")
      }
    case .place:
      guard TaskCursor(text) != nil else {
        throw .parameter(name, "\(name) is no place in a list. Begin again without it.")
      }
    case .instant:
      guard Wording.instant(text.trimmed) != nil else {
        throw .parameter(name, "\(name) must be an instant in UTC, such as 2026-01-31T04:00.")
      }
    }
  }
}

extension QueryRule {
  static let states: [TaskState] = [.waiting, .due, .limited, .running, .finished, .dead, .done]
  static let reasons: [DeadLetterReason] = [.failed, .crashed, .undecodable, .expired, .discarded, .cancelled]

  private static let reason = Value.oneOf(reasons.map(\.rawValue))
  private static let lines: QueryRule = ["limit": .number(1...Int64(Limits.page))]

  static let nothing: QueryRule = [:]
  /// The conditions of a list: see ``TaskFilter/init(_:)``.
  static let filter: QueryRule = [
    "state": .oneOf(states.map(\.rawValue)), "queue": .text, "type": .text, "error": .text, "limit": .text,
    "key": .text,
    "reason": reason,
  ]

  // MARK: Pages

  static let tasks = filter.and(["after": .place])
  static let deadLetters: QueryRule = [
    "state": .oneOf([TaskState.dead.rawValue]), "queue": .text, "type": .text, "error": .text, "limit": .text,
    "key": .text, "reason": reason, "after": .place,
  ]
  static let confirmation = filter.and([
    "verb": .oneOf([OperatorAction.Verb.redrive, .purge].map(\.rawValue)), "all": .oneOf(["true"]), "task": .texts,
    "back": .text,
  ])
  static let task: QueryRule = ["payload": .oneOf(["show"])]
  static let named: QueryRule = ["name": .text]
  static let schedules: QueryRule = ["after": .text]
  static let schedule = named.and(["from": .instant, "to": .instant])
  static let limit = named.and(["key": .text])
  static let throughput: QueryRule = ["minutes": .oneOf(DashboardPages.spans.map { "\($0.minutes)" })]
  static let journal: QueryRule = ["before": .number(0...Int64.max), "about": .text]
  static let finding: QueryRule = ["q": .text]

  // MARK: The API

  /// There `limit` is how many lines.
  static let listedTasks =
    ([
      "state": .oneOf(states.map(\.rawValue)), "queue": .text, "type": .text, "error": .text, "ofLimit": .text,
      "key": .text, "reason": reason, "after": .place,
    ] as QueryRule).and(lines)
  static let listedEffects = lines
  static let listedSchedules = schedules.and(lines)
  static let limitLines = named.and(["after": .text]).and(lines)
  static let minutes: QueryRule = ["minutes": .number(1...43_200)]
  static let actions = journal.and(lines)
}
