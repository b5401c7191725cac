/// Values against their references, each pair scaled so that the reference is 100 %.
struct BarChart {
  let title: String
  let subtitle: String
  let results: [MetricResult]

  private static let width = 860.0
  private static let left = 24.0
  private static let top = 76.0
  private static let rowHeight = 82.0
  private static let barHeight = 13.0
  /// Bars end here; beyond it are their numbers.
  private static let barSpace = 600.0

  /// Results without a reference are left out.
  var source: String {
    let rows = results.filter { $0.ratio != nil }
    let height = Self.top + Double(rows.count) * Self.rowHeight + 16
    var document = SVGDocument(width: Int(Self.width), height: Int(height))
    document.text(title, x: Self.left, y: 32, kind: "title")
    document.text(subtitle, x: Self.left, y: 54, kind: "quiet")
    // A bar may grow to twice its reference; a longer one is cut, its number says by how much.
    let longest = min(2, max(1, rows.compactMap(\.ratio).max() ?? 1))
    for (index, row) in rows.enumerated() {
      draw(row, at: Self.top + Double(index) * Self.rowHeight, longest: longest, in: &document)
    }
    return document.source(title: title)
  }

  private func draw(_ result: MetricResult, at y: Double, longest: Double, in document: inout SVGDocument) {
    guard let ratio = result.ratio, let value = result.samples.median, let reference = result.references.median else {
      return
    }
    let unit = result.metric.unit.text
    let whole = Self.barSpace / longest
    document.text(result.metric.title, x: Self.left, y: y + 12)
    document.text(result.metric.reference ?? "", x: Self.left, y: y + 28, kind: "quiet")
    draw("value", length: min(ratio, longest) * whole, y: y + 35, in: &document)
    document.text(
      "\(NumberText.short(value)) \(unit) · \(NumberText.ratio(ratio))",
      x: Self.left + min(ratio, longest) * whole + 8,
      y: y + 46
    )
    draw("reference", length: whole, y: y + 51, in: &document)
    document.text(NumberText.short(reference), x: Self.left + whole + 8, y: y + 62, kind: "quiet")
  }

  private func draw(_ kind: String, length: Double, y: Double, in document: inout SVGDocument) {
    document.bar(kind, x: Self.left, y: y, width: length, height: Self.barHeight)
  }
}
