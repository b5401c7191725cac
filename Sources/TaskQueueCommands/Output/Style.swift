/// Colours, where there are any. They only underline what words say.
struct Style: Sendable {
  enum Colour: String, Sendable {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
    case cyan = "36"
    case boldRed = "1;31"
  }

  var isOn: Bool

  func callAsFunction(_ colour: Colour, _ text: String) -> String {
    isOn && colour != .plain && !text.isEmpty ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Of a task's state.
  static func of(state: String) -> Colour {
    switch state {
    case "running": .green
    case "due": .cyan
    case "limited", "paused": .yellow
    case "dead": .red
    case "done", "finished": .dim
    default: .plain
    }
  }
}
