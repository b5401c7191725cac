import PaymentsExample
import PaymentsLab

/// A report for the screen.
struct ReconciliationTable {
  /// Lines that are shown; the JSON form has more.
  static let maxLines = 50

  let report: ReconciliationReport

  var lines: [String] {
    var lines = [
      "Books of \(report.provider) from \(RFC3339.text(report.since)) until \(RFC3339.text(report.until))", "",
    ]
    lines +=
      TextTable(
        header: ["", "number"],
        rows: report.counts.filter { $0.count > 0 }.map { [$0.kind, String($0.count)] }
      ).lines
    if !report.clearing.isEmpty {
      lines.append("")
      lines +=
        TextTable(
          header: ["clearing", "balance", "not confirmed yet", "difference", "from before"],
          rows: report.clearing.map { clearing in
            let amounts = [clearing.amount, clearing.unconfirmed, clearing.difference, clearing.earlier]
            return ["\(clearing.account) \(clearing.currency)"] + amounts.map { $0.text(clearing.currency) }
          },
          rightAligned: [1, 2, 3, 4]
        ).lines
    }
    if !report.lines.isEmpty {
      lines.append("")
      lines +=
        TextTable(
          header: ["what", "payment", "provider's id", "why"],
          rows: report.lines.prefix(Self.maxLines).map { line in
            [line.kind.rawValue, line.paymentId?.description ?? "-", line.providerId ?? "-", line.detail]
          }
        ).lines
      let more = report.foundCount - Self.maxLines
      if more > 0 { lines.append("  … and \(more) more") }
    }
    let end =
      switch report.exitStatus {
      case .clean: "The books agree."
      case .different: "The books differ."
      case .notCompared: "Some could not be compared."
      }
    return lines + ["", end]
  }
}
