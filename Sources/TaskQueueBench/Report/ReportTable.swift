/// The results as aligned columns.
struct ReportTable {
  let results: [MetricResult]
  let thresholds: Thresholds

  private static let header = ["", "median", "spread", "unit", "reference", "ratio", "target", "verdict"]

  /// One line each; the references are named below, numbered.
  var text: String {
    var legend: [String] = []
    let rows = results.map { row($0, &legend) }
    let columns = ([Self.header] + rows)
    let widths = Self.header.indices.map { column in columns.map { $0[column].count }.max() ?? 0 }
    var lines = columns.map { Self.line($0, widths) }
    lines.insert(Self.line(widths.map { String(repeating: "─", count: $0) }, widths), at: 1)
    if !legend.isEmpty {
      lines += ["", "The reference, of the same run; the ratio is the median of the rounds' ratios:"]
      lines += legend.enumerated().map { "  [\($0.offset + 1)] \($0.element)" }
    }
    return lines.joined(separator: "\n")
  }

  private func row(_ result: MetricResult, _ legend: inout [String]) -> [String] {
    let samples = result.samples
    var spread = ""
    if samples.values.count > 1, let low = samples.minimum, let high = samples.maximum {
      spread = "\(NumberText.short(low)) … \(NumberText.short(high))"
    }
    var reference = ""
    if let name = result.metric.reference, let value = result.references.median {
      if !legend.contains(name) { legend.append(name) }
      reference = "\(NumberText.short(value)) [\((legend.firstIndex(of: name) ?? 0) + 1)]"
    }
    return [
      result.metric.title,
      samples.median.map(NumberText.short) ?? "–",
      spread,
      result.metric.unit.text,
      reference,
      result.ratio.map(NumberText.ratio) ?? "",
      thresholds.threshold(for: result.metric)?.text ?? "",
      thresholds.judge(result).text,
    ]
  }

  /// Titles, units and verdicts to the left, numbers to the right.
  private static func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = ""
    for (column, cell) in cells.enumerated() {
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      let isText = [0, 3, 7].contains(column)
      line += (column == 0 ? "" : "  ") + (isText ? cell + padding : padding + cell)
    }
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }
}
