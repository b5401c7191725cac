import PaymentsExample
import PaymentsLab

/// A report for the screen.
struct ReconciliationTable {
  /// Lines that are shown; the JSON form has more.
  static let maxLines = 50

  let report: ReconciliationReport

  var lines: [String] {
    var lines = ["Books from \(RFC3339.text(report.since)) until \(RFC3339.text(report.until))", ""]
    lines +=
      TextTable(
        header: ["", "payments"],
        rows: report.counts.map { [$0.kind, String($0.count)] }
      ).lines
    if !report.lines.isEmpty {
      lines.append("")
      lines +=
        TextTable(
          header: ["what", "payment", "provider's id", "why"],
          rows: report.lines.prefix(Self.maxLines).map { line in
            [line.kind.rawValue, line.paymentId?.description ?? "-", line.providerId ?? "-", line.detail]
          }
        ).lines
      let more = report.counts.dropFirst(2).reduce(0) { $0 + $1.count } - Self.maxLines
      if more > 0 { lines.append("  … and \(more) more") }
    }
    return lines + ["", report.isClean ? "The books agree." : "The books differ."]
  }
}
