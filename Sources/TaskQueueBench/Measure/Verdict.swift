/// Whether a metric keeps within its threshold.
enum Verdict: Equatable, Sendable {
  case held
  case missed(String)
  /// No threshold is set.
  case unjudged

  var isMissed: Bool {
    if case .missed = self { return true }
    return false
  }

  var text: String {
    switch self {
    case .held: "ok"
    case .missed(let why): "MISSED: \(why)"
    case .unjudged: ""
    }
  }
}
