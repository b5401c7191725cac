/// Rows in columns that fit a width: first texts that may be cut are cut, then columns that matter least are left out.
struct Table: Sendable {
  struct Column: Sendable {
    var title: String
    var alignsRight = false
    /// Down to how many columns of the terminal it may be cut; nil: not at all.
    var minWidth: Int?
    /// Columns with a higher one are left out first; 0: never.
    var rank = 0

    init(_ title: String, right: Bool = false, min: Int? = nil, rank: Int = 0) {
      self.title = title
      alignsRight = right
      minWidth = min
      self.rank = rank
    }
  }

  struct Cell: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    var text: String
    var colour: Style.Colour

    /// - Parameter text: of anybody: it is made safe.
    init(_ text: String, _ colour: Style.Colour = .plain) {
      self.text = PlainText.line(text)
      self.colour = colour
    }

    init(stringLiteral value: String) { self.init(value) }
  }

  var columns: [Column]
  var rows: [[Cell]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func add(_ cells: [Cell]) { rows.append(cells) }

  /// - Parameter width: nil: as wide as need be.
  func lines(width: Int?, style: Style) -> [String] {
    let layout = layout(width)
    let titles = columns.map { Cell($0.title.uppercased(), .dim) }
    return ([titles] + rows).map { line($0, layout, style) }
  }

  private static let gap = "  "

  /// The columns that are shown, with their widths.
  private func layout(_ limit: Int?) -> [(column: Int, width: Int)] {
    var layout = columns.indices.map { index in
      (
        column: index,
        width: max(
          DisplayWidth.of(columns[index].title),
          rows.map { DisplayWidth.of($0[index].text) }.max() ?? 0
        )
      )
    }
    guard let limit else { return layout }
    func total(_ width: (Int, Int) -> Int) -> Int {
      layout.reduce(0) { $0 + width($1.column, $1.width) } + Self.gap.count * max(0, layout.count - 1)
    }
    func least(_ column: Int, _ width: Int) -> Int { min(width, columns[column].minWidth ?? width) }
    while total(least) > limit, layout.count > 1,
      let last = layout.map({ columns[$0.column].rank }).max(), last > 0
    {
      layout.removeAll { columns[$0.column].rank == last }
    }
    // The widest gives first.
    while total({ $1 }) > limit {
      let widest = layout.indices.filter { layout[$0].width > least(layout[$0].column, layout[$0].width) }
        .max { layout[$0].width < layout[$1].width }
      guard let widest else { break }
      layout[widest].width -= 1
    }
    return layout
  }

  private func line(_ cells: [Cell], _ layout: [(column: Int, width: Int)], _ style: Style) -> String {
    var line = ""
    for (place, entry) in layout.enumerated() {
      let cell = cells[entry.column]
      let text = DisplayWidth.cut(cell.text, to: entry.width)
      let padding = String(repeating: " ", count: max(0, entry.width - DisplayWidth.of(text)))
      let isLast = place == layout.count - 1
      if place > 0 { line += Self.gap }
      if columns[entry.column].alignsRight {
        line += padding + style(cell.colour, text)
      } else {
        line += style(cell.colour, text) + (isLast ? "" : padding)
      }
    }
    return String(line.reversed().drop { $0 == " " }.reversed())
  }
}
