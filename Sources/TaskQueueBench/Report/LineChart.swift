/// Series over time, one below the other, each from zero.
struct LineChart {
  let title: String
  let series: [TimeSeries]

  private static let width = 860.0
  private static let left = 84.0
  private static let right = 24.0
  private static let panelHeight = 190.0
  private static let plotHeight = 120.0
  private static let maxPoints = 400

  var source: String {
    let panels = series.filter { !$0.points.isEmpty }
    var document = SVGDocument(width: Int(Self.width), height: Int(56 + Double(panels.count) * Self.panelHeight))
    document.text(title, x: 24, y: 32, kind: "title")
    for (index, panel) in panels.enumerated() {
      draw(panel, top: 56 + Double(index) * Self.panelHeight, in: &document)
    }
    return document.source(title: title)
  }

  private func draw(_ series: TimeSeries, top: Double, in document: inout SVGDocument) {
    let points = series.thinned(to: Self.maxPoints)
    let highest = max(points.map(\.value).max() ?? 0, .leastNonzeroMagnitude)
    let duration = max(points.last?.seconds ?? 0, .leastNonzeroMagnitude)
    let plotTop = top + 26
    let bottom = plotTop + Self.plotHeight
    let plotWidth = Self.width - Self.left - Self.right
    document.text(series.label, x: 24, y: top + 12)
    for part in [0, 0.5, 1] {
      let y = bottom - part * Self.plotHeight
      document.rule(fromX: Self.left, fromY: y, toX: Self.width - Self.right, toY: y)
      document.text(NumberText.short(highest * part), x: Self.left - 8, y: y + 4, kind: "quiet", anchor: "end")
    }
    document.line(
      points.map {
        (x: Self.left + $0.seconds / duration * plotWidth, y: bottom - $0.value / highest * Self.plotHeight)
      }
    )
    document.text("0", x: Self.left, y: bottom + 18, kind: "quiet")
    document.text(
      NumberText.duration(duration),
      x: Self.width - Self.right,
      y: bottom + 18,
      kind: "quiet",
      anchor: "end"
    )
  }
}
