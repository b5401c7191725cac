import Foundation
import HTMLText

/// A drawing for light and dark pages, as text.
struct SVGDocument {
  let width: Int
  let height: Int
  private var elements: [String] = []

  /// Plain colours, no variables: not every viewer knows those.
  private static let style = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .quiet { fill: #59636e; font-size: 12px; }
    .page { fill: #ffffff; } .reference { fill: #b6bfc9; } .value { fill: #2563c9; }
    .rule { stroke: #d1d9e0; stroke-width: 1; }
    .line { stroke: #2563c9; stroke-width: 2; fill: none; stroke-linejoin: round; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; } .quiet { fill: #9198a1; }
      .page { fill: #0d1117; } .reference { fill: #5b6570; } .value { fill: #6ea8fe; }
      .rule { stroke: #3d444d; } .line { stroke: #6ea8fe; }
    }
    """

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  mutating func text(_ text: String, x: Double, y: Double, kind: String = "", anchor: String = "start") {
    elements.append(
      "<text class=\"\(kind)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\">\(Self.escape(text))</text>"
    )
  }

  mutating func bar(_ kind: String, x: Double, y: Double, width: Double, height: Double) {
    elements.append(
      "<rect class=\"\(kind)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(0, width)))\" height=\"\(Self.number(height))\" rx=\"2\"/>"
    )
  }

  mutating func rule(fromX: Double, fromY: Double, toX: Double, toY: Double) {
    elements.append(
      "<line class=\"rule\" x1=\"\(Self.number(fromX))\" y1=\"\(Self.number(fromY))\" x2=\"\(Self.number(toX))\" y2=\"\(Self.number(toY))\"/>"
    )
  }

  mutating func line(_ points: [(x: Double, y: Double)]) {
    let text = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
    elements.append("<polyline class=\"line\" points=\"\(text)\"/>")
  }

  /// - Parameter title: what the drawing shows, for people who can't see it.
  func source(title: String) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" role="img">
    <title>\(Self.escape(title))</title>
    <style>
    \(Self.style)
    </style>
    <rect class="page" width="\(width)" height="\(height)"/>
    \(elements.joined(separator: "\n"))
    </svg>

    """
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

  static func escape(_ text: String) -> String { HTMLText.escaped(text) }
}
