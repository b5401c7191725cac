#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A line of the journal, as stores put it together.
@_spi(Store) public struct JournalLine: Sendable {
  public var verb: OperatorAction.Verb
  public var target: OperatorTarget
  /// What it changed or made.
  public var tasks: [TaskID]
  public var request: [String: JournalValue]?
  public var before: [String: JournalValue]?
  public var after: [String: JournalValue]?

  public init(_ verb: OperatorAction.Verb, _ target: OperatorTarget, tasks: [TaskID] = []) {
    self.verb = verb
    self.target = target
    self.tasks = tasks
  }

  /// With what was asked for; nothing: the verb says it all.
  public func asking(_ request: [String: JournalValue]) -> JournalLine {
    var line = self
    line.request = request.isEmpty ? nil : request
    return line
  }

  /// With what was before.
  public func from(_ before: [String: JournalValue]?) -> JournalLine {
    var line = self
    line.before = before
    return line
  }

  /// With what became of it.
  public func ending(_ after: [String: JournalValue]?) -> JournalLine {
    var line = self
    line.after = after
    return line
  }
}

/// What a line says of one thing.
@_spi(Store) public enum JournalValue: Hashable, Sendable, Encodable {
  case text(String)
  case number(Int)
  case seconds(Double)
  case truth(Bool)

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .number(let number): try container.encode(number)
    case .seconds(let seconds): try container.encode(seconds)
    case .truth(let truth): try container.encode(truth)
    }
  }
}

@_spi(Store) extension [String: JournalValue] {
  /// An object; its keys in order.
  public var json: Data {
    // Numbers here are finite.
    (try? PayloadEncoder.canonical.encode(self)) ?? Data("{}".utf8)
  }
}

@_spi(Store) extension DeadLetterFilter {
  /// As the journal has it; ids are among the tasks of the line.
  public var journalled: [String: JournalValue] {
    var values: [String: JournalValue] = [:]
    if let ids { values["idCount"] = .number(ids.count) }
    if let type { values["type"] = .text(type.rawValue) }
    if let olderThan { values["olderThanSeconds"] = .seconds(olderThan / .seconds(1)) }
    return values
  }
}

@_spi(Store) extension OperatorTarget {
  /// nil: it is no task.
  public var task: TaskID? {
    description.hasPrefix("task/") ? Int64(description.dropFirst(5)).map { TaskID($0) } : nil
  }
}
