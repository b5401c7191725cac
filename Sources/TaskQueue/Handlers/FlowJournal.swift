#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// What one attempt knows of its flow, and what its next call is to do. Pure.
///
/// going → suspended, over. Once suspended, whoever was told so is told again, whatever it calls; nothing leads back in the same attempt. Swift
/// tasks beside it that were not told may yet begin something: what stands side by side does not depend on who is first.
package struct FlowJournal: Sendable {
  /// What a call of the flow is to do.
  package enum Decision: Sendable {
    /// It was done before: here is what was recorded.
    case recorded(FlowStep)
    /// It is to be done, and recorded with this place.
    case run(place: Int)
    /// The flow waits, or is to be undone: the handler is to be left.
    case leave
    case refused(Refusal)
  }

  /// Who calls.
  package enum Caller: Hashable, Sendable {
    /// The Swift task of the handler.
    case handler
    /// A child of it, such as an `async let`.
    case child(Int)
  }

  package enum Refusal: Sendable {
    case usedBefore
    case inputChanged
    case leaseLost
    case attemptEnded
  }

  /// Why a flow is to be undone, as it is stored.
  package struct UnwindMark: Codable, Sendable {
    package var reason: String
    package var detail: String?
  }

  private var steps: [String: FlowStep]
  private var used: Set<String> = []
  private var lastPlace: Int
  package private(set) var waits: [FlowWait] = []
  /// Why it is to be undone; nil: it goes on.
  package let mark: UnwindMark?
  package private(set) var isSuspended = false
  /// Who was told.
  private var informed: Set<Caller> = []
  private(set) var isOver = false
  private var isLost = false
  /// A step was recorded in this attempt: what failed before is forgiven.
  private(set) var hasProgressed = false

  package init(_ recorded: [FlowStep]) {
    steps = Dictionary(recorded.map { ($0.name, $0) }) { one, _ in one }
    lastPlace = recorded.map(\.place).max() ?? 0
    let stored = recorded.first { $0.kind == .unwind }
    mark = stored.map { step in
      let mark = step.value.flatMap { try? JSONDecoder().decode(UnwindMark.self, from: $0) }
      return mark ?? UnwindMark(reason: DeadLetterReason.failed.rawValue, detail: nil)
    }
  }

  /// It has a journal, or a call of a flow was made.
  var isFlow: Bool { !steps.isEmpty || !used.isEmpty || isSuspended }
  package var hasSteps: Bool { !steps.isEmpty }
  func step(_ name: String) -> FlowStep? { steps[name] }

  // MARK: Calls

  package mutating func begin(
    _ name: String,
    kinds: Set<FlowStep.Kind> = [.step],
    digest: Data? = nil,
    isRepeatable: Bool = false,
    by caller: Caller
  ) -> Decision {
    if let refusal = refusal(of: caller) { return refusal }
    guard used.insert(name).inserted || isRepeatable else { return .refused(.usedBefore) }
    if let step = steps[name] {
      let isSame = kinds.contains(step.kind) && (digest == nil || step.digest == nil || digest == step.digest)
      return isSame ? .recorded(step) : .refused(.inputChanged)
    }
    guard mark == nil else {
      suspend(nil, by: caller)
      return .leave
    }
    return .run(place: nextPlace())
  }

  /// - Returns: nil: the flow goes on for this caller.
  private mutating func refusal(of caller: Caller) -> Decision? {
    if isOver { return .refused(.attemptEnded) }
    if isSuspended, caller == .handler || informed.contains(.handler) || informed.contains(caller) {
      informed.insert(caller)
      return .leave
    }
    return isLost ? .refused(.leaseLost) : nil
  }

  /// The handler wants everything undone that was registered.
  /// - Returns: nil: it may. A flow that is undone anyway leaves that to the end of its attempt.
  mutating func beginUndoing(by caller: Caller) -> Decision? {
    if let refusal = refusal(of: caller) { return refusal }
    guard mark != nil else { return nil }
    suspend(nil, by: caller)
    return .leave
  }

  /// A step of an undoing, which runs although the flow does not.
  package mutating func beginUndo(_ name: String) -> Decision {
    if let step = steps[name] { return .recorded(step) }
    return .run(place: nextPlace())
  }

  /// Whether old code has passed this place: something was recorded that the handler has not reached yet.
  var isAhead: Bool {
    steps.values.contains { $0.kind != .unwind && !used.contains($0.name) && !FlowNames.isWaitForChildren($0.name) }
  }

  private mutating func nextPlace() -> Int {
    lastPlace += 1
    return lastPlace
  }

  package mutating func note(_ step: FlowStep) {
    steps[step.name] = step
    lastPlace = max(lastPlace, step.place)
    hasProgressed = true
  }

  mutating func noteLost() { isLost = true }

  /// The caller is told.
  package mutating func suspend(_ wait: FlowWait?, by caller: Caller) {
    isSuspended = true
    informed.insert(caller)
    if let wait { waits.append(wait) }
  }

  mutating func end() { isOver = true }

  /// The handler is called once more in the same attempt. What was recorded stays.
  mutating func restart() {
    used = []
    waits = []
    isSuspended = false
    informed = []
    isOver = false
  }

  // MARK: Undoing

  /// A burial makes it come back for that.
  package var isToBeUndone: Bool { mark == nil && steps.values.contains { $0.kind == .undo } }

  /// What is left to be undone, last first.
  package var toUndo: [String] {
    steps.values.filter { $0.kind == .undo }.sorted { $0.place > $1.place }.map(\.name)
      .filter { steps[FlowNames.undo(of: $0)] == nil }
  }
}

/// The names of steps that are the library's own.
package enum FlowNames {
  static let reserved: Character = "~"

  package static func event(_ key: String) -> String { "~event/\(key)" }
  /// The wait for so many of the children of a step.
  static func ended(_ name: String, _ mark: Int) -> String { "\(endedPrefix)\(name)/\(mark)" }
  /// Those that were handed over to the loop over them.
  static func handled(_ name: String, _ mark: Int) -> String { "~handled/\(name)/\(mark)" }
  /// Which of them a flow comes to depends on how many have ended.
  static func isWaitForChildren(_ name: String) -> Bool { name.hasPrefix(endedPrefix) }
  private static let endedPrefix = "~ended/"
  static func version(_ name: String) -> String { "~version/\(name)" }
  /// A registered compensation.
  package static func registration(_ name: String) -> String { "~on/\(name)" }
  /// The compensation itself, by its registration.
  package static func undo(of registration: String) -> String { "~undo/\(registration.dropFirst("~on/".count))" }

  /// What the app has named, with its number.
  static func own(_ name: String, _ number: Int? = nil, kind: String = "step name") throws(TaskQueueError) -> String {
    try NameRule.validate(name, kind: kind)
    guard name.first != reserved else { throw .invalidName("A \(kind) must not begin with \(reserved).") }
    guard let number else { return name }
    let numbered = "\(name)#\(number)"
    try NameRule.validate(numbered, kind: kind)
    return numbered
  }
}
