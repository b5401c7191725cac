import Configuration
import TaskQueue

#if !Configuration
  #error("TaskQueueConfiguration needs the trait Configuration: .package(url: …, traits: [\"Configuration\"])")
#endif

/// Values of one kind each. A key without a value leaves what is there; one with a value that does not fit is an error that names it, where the readers' own
/// optional values would pass over it.
extension ConfigReader {
  func read(_ key: ConfigurationKey, into value: inout Int) throws(TaskQueueError) {
    if let read = int(forKey: key.configKey) { value = read } else { try refuse(key, "a whole number") }
  }

  func read(_ key: ConfigurationKey, into value: inout Bool) throws(TaskQueueError) {
    if let read = bool(forKey: key.configKey) { value = read } else { try refuse(key, "true or false") }
  }

  func read(_ key: ConfigurationKey, into value: inout String) throws(TaskQueueError) {
    if let read = try text(key) { value = read }
  }

  func read(_ key: ConfigurationKey, into value: inout String?) throws(TaskQueueError) {
    if let read = try text(key) { value = read }
  }

  func read(_ key: ConfigurationKey, into value: inout Duration) throws(TaskQueueError) {
    guard let found = try duration(key) else { return }
    guard let duration = found else {
      throw Self.problem(key, "must be a duration, such as 30s or 1h30m; none is not one")
    }
    value = duration
  }

  /// Also `none`.
  func read(_ key: ConfigurationKey, into value: inout Duration?) throws(TaskQueueError) {
    if let found = try duration(key) { value = found }
  }

  /// Several texts; from a provider that has strings only, such as the environment, separated by commas.
  func texts(_ key: ConfigurationKey) throws(TaskQueueError) -> [String]? {
    if let read = stringArray(forKey: key.configKey) {
      return read.map { $0.trimming() }.filter { !$0.isEmpty }
    }
    try refuse(key, "a list of texts")
    return nil
  }

  /// Several `name=value`, each name once.
  func pairs(_ key: ConfigurationKey, example: String) throws(TaskQueueError) -> [(name: String, value: String)]? {
    guard let texts = try texts(key) else { return nil }
    var pairs: [(name: String, value: String)] = []
    for text in texts {
      guard let mark = text.lastIndex(of: "="), mark > text.startIndex else {
        throw Self.problem(key, "has \"\(text)\", which is not of the form \(example)")
      }
      let name = String(text[..<mark]).trimming()
      guard !pairs.contains(where: { $0.name == name }) else { throw Self.problem(key, "has \"\(name)\" twice") }
      pairs.append((name, String(text[mark...].dropFirst()).trimming()))
    }
    return pairs
  }

  private func text(_ key: ConfigurationKey) throws(TaskQueueError) -> String? {
    if let read = string(forKey: key.configKey, isSecret: key.isSecret) { return read }
    try refuse(key, "a text")
    return nil
  }

  /// - Returns: nil: the key has no value; nil in it: `none`.
  private func duration(_ key: ConfigurationKey) throws(TaskQueueError) -> Duration?? {
    if let text = string(forKey: key.configKey) {
      if text.trimming().lowercased() == "none" { return .some(nil) }
      guard let duration = Duration(configuration: text) else {
        throw Self.problem(
          key,
          "is \"\(text)\", which is no duration, such as 30s, 250ms, 1h30m, or a number of seconds"
        )
      }
      return duration
    }
    if let seconds = int(forKey: key.configKey) { return .seconds(seconds) }
    if let seconds = double(forKey: key.configKey), abs(seconds) < 1e10 { return .seconds(seconds) }
    try refuse(key, "a duration, such as 30s, 250ms, 1h30m, or a number of seconds")
    return nil
  }

  // MARK: Errors

  /// Throws if the key has a value all the same, of another kind.
  private func refuse(_ key: ConfigurationKey, _ expected: String) throws(TaskQueueError) {
    let (name, isSecret) = (key.configKey, key.isSecret)
    let text = string(forKey: name, isSecret: isSecret)
    guard
      text != nil || int(forKey: name, isSecret: isSecret) != nil || double(forKey: name, isSecret: isSecret) != nil
        || bool(forKey: name, isSecret: isSecret) != nil || stringArray(forKey: name, isSecret: isSecret) != nil
        || intArray(forKey: name, isSecret: isSecret) != nil
    else { return }
    let found = text.flatMap { isSecret ? nil : "; got \"\($0)\"" } ?? ""
    throw Self.problem(key, "must be \(expected)\(found)")
  }

  static func problem(_ key: ConfigurationKey, _ problem: String) -> TaskQueueError {
    TaskQueueError(.invalidConfiguration, "The configuration \(key.rawValue) \(problem).")
  }

  /// Checks what was read as a whole, and says of which keys it was made.
  static func validate(
    _ group: String,
    _ validate: () throws(TaskQueueError) -> Void
  ) throws(TaskQueueError) {
    do throws(TaskQueueError) { try validate() } catch {
      throw TaskQueueError(error.code, "The configuration \(group): \(error.message)", underlying: error.underlying)
    }
  }
}

extension Duration {
  /// `30s`, `250ms`, `1h30m`, `1.5d`, or a number of seconds. Units: ms, s, m, h, d. nil: it is none of these.
  init?(configuration text: String) {
    var rest = text.trimming()[...]
    guard !rest.isEmpty else { return nil }
    if let seconds = Self.number(rest) {
      self = .seconds(seconds)
      return
    }
    var sum = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isNumber || $0 == "." }
      let unit = rest.dropFirst(digits.count).prefix { $0.isLetter }
      guard let number = Self.number(digits), let milliseconds = Self.units[String(unit)] else { return nil }
      sum += number * milliseconds
      rest = rest.dropFirst(digits.count + unit.count).drop { $0 == " " }
    }
    guard sum < 1e13 else { return nil }
    // Whole milliseconds are exact.
    self = sum == sum.rounded() ? .milliseconds(Int64(sum)) : .milliseconds(sum)
  }

  private static let units = ["ms": 1.0, "s": 1e3, "m": 60e3, "h": 3_600e3, "d": 86_400e3]

  private static func number(_ text: Substring) -> Double? {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }), let number = Double(text),
      number < 1e10
    else { return nil }
    return number
  }
}

extension String {
  func trimming() -> String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
