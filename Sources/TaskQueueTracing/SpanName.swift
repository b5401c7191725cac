import TaskQueue

/// What spans are called: one of these words, and what it is of. All of them are in the table of `docs/observability.md`, which a test checks.
package enum SpanName: String, CaseIterable, Sendable {
  case enqueue, process, step, compensate, effect, lookup

  init(_ kind: AttemptPart.Kind) {
    self =
      switch kind {
      case .compensation: .compensate
      case .effect: .effect
      case .lookup: .lookup
      default: .step
      }
  }

  /// It asks another system.
  var isCall: Bool { self == .effect || self == .lookup }

  /// - Parameter what: a queue, a step or an effect; nil: of several. The number of a step in a loop is left out: names are to be few.
  func of(_ what: String?) -> String {
    guard var what else { return rawValue }
    if self == .step || self == .compensate, let mark = what.lastIndex(of: "#"),
      what[mark...].dropFirst().allSatisfy(\.isNumber)
    {
      what = String(what[..<mark])
    }
    return "\(rawValue) \(what)"
  }
}
