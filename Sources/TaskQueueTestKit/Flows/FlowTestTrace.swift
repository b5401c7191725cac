@_spi(Store) import TaskQueue

/// What the attempts of a run have called, as lines of a table.
struct FlowTestTrace: Sendable {
  private static var maxLines: Int { 5_000 }

  private(set) var lines: [String] = []

  mutating func note(_ text: String, by attempt: Int?, at time: Duration) {
    guard lines.count < Self.maxLines else { return }
    let seconds = "\(time.components.seconds) s"
    lines.append("\(seconds.padded(to: 8))  \((attempt.map(String.init) ?? "").padded(to: 7))  \(text)")
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

extension FlowStep {
  /// A step's name as people say it.
  static func title(of name: String) -> String {
    for (prefix, word) in [
      ("~event/", "event"), ("~version/", "version"), ("~on/", "compensation"), ("~undo/", "undoing"),
    ] where name.hasPrefix(prefix) {
      return "\(word) \"\(name.dropFirst(prefix.count))\""
    }
    return "step \"\(name)\""
  }
}

extension Settlement.Action {
  var title: String {
    switch self {
    case .complete, .conclude: "completed"
    case .suspend(let waits): "waits for \(waits.map { FlowStep.title(of: $0.name) }.joined(separator: ", "))"
    case .reschedule: "again later"
    case .fail(let failure, _): "failed: \(failure.message)"
    case .bury(let reason, _, _): "given up: \(reason)"
    case .release: "handed back"
    }
  }
}
