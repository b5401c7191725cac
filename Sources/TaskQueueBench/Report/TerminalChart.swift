/// A series as a chart of block characters.
struct TerminalChart {
  let series: TimeSeries
  var width = 64
  var height = 8

  /// Empty without points; one line if nothing ever changes. The scale starts at zero, so that flat looks flat.
  var text: String {
    let points = series.thinned(to: width)
    guard let last = points.last, let top = points.map(\.value).max(), top > 0 else { return "" }
    if points.allSatisfy({ $0.value == top }) {
      return "\(series.label): \(NumberText.short(top)) throughout"
    }
    let labels = [NumberText.short(top), NumberText.short(top / 2), "0"]
    let margin = labels.map(\.count).max() ?? 0
    var lines = [series.label]
    for row in 0..<height {
      let label = row == 0 ? labels[0] : row == height / 2 ? labels[1] : ""
      let bars = points.map { Self.block($0.value / top * Double(height) - Double(height - 1 - row)) }
      lines.append("\(Self.right(label, margin)) ┤\(String(bars))")
    }
    lines.append("\(Self.right("0", margin)) └" + String(repeating: "─", count: points.count))
    let end = NumberText.duration(last.seconds)
    let gap = String(repeating: " ", count: max(1, points.count - end.count - 1))
    lines.append(String(repeating: " ", count: margin + 2) + "0\(gap)\(end)")
    return lines.joined(separator: "\n")
  }

  /// - Parameter fill: how many rows high the bar is from here on; below 0 nothing, above 1 a full block.
  private static func block(_ fill: Double) -> Character {
    let blocks: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    return blocks[Int((min(max(fill, 0), 1) * 8).rounded())]
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
