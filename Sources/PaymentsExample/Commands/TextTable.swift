/// Aligned columns for the screen.
struct TextTable {
  let header: [String]
  let rows: [[String]]

  /// The header, a rule, the rows.
  var lines: [String] {
    let widths = self.header.indices.map { column in ([self.header] + self.rows).map { $0[column].count }.max() ?? 0 }
    let rule = widths.map { String(repeating: "─", count: $0) }
    return ([self.header, rule] + self.rows).map { row in
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      var line = "  " + cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
