/// What a supervised `serve` process tells its parent, one line each.
enum WorkerEvent: Equatable, Sendable {
  case listening(Int)
  case began(Int64)
  case ended(Int64)

  /// nil: not a line of ours.
  init?(line: some StringProtocol) {
    let words = line.split(separator: " ")
    guard words.count == 2, let number = Int64(words[1]) else { return nil }
    switch words[0] {
    case "listening": self = .listening(Int(number))
    case "began": self = .began(number)
    case "ended": self = .ended(number)
    default: return nil
    }
  }

  var line: String {
    switch self {
    case .listening(let port): "listening \(port)"
    case .began(let id): "began \(id)"
    case .ended(let id): "ended \(id)"
    }
  }
}
