/// Where a command writes: results to standard output, all else to standard error.
struct Console: Sendable {
  var terminal: Terminal
  /// Whether results are JSON, or ids alone: then standard output has nothing else.
  var form: OutputForm

  var style: Style { terminal.style }

  func print(_ line: String = "") { Terminal.write(line + "\n") }

  func print(_ table: Table) {
    for line in table.lines(width: terminal.width, style: style) { print(line) }
  }

  /// A heading of a section, with an empty line before it.
  func section(_ title: String) {
    print()
    print(style(.bold, title))
  }

  /// `name  value`, the value wrapped beside its name.
  func fields(_ fields: [(name: String, value: Table.Cell)]) {
    let indent = (fields.map { DisplayWidth.of($0.name) }.max() ?? 0) + 2
    for (name, value) in fields {
      let lines = terminal.width.map { DisplayWidth.wrapped(value.text, to: max(20, $0 - indent)) } ?? [value.text]
      for (index, line) in lines.enumerated() {
        let head = index == 0 ? name : ""
        let padding = String(repeating: " ", count: indent - DisplayWidth.of(head))
        print(style(.dim, head) + padding + style(value.colour, line))
      }
    }
  }

  /// Sentences, wrapped.
  func paragraph(_ text: String, indent: Int = 0, _ colour: Style.Colour = .plain) {
    let safe = PlainText.line(text)
    let lines = terminal.width.map { DisplayWidth.wrapped(safe, to: max(20, $0 - indent)) } ?? [safe]
    for line in lines { print(String(repeating: " ", count: indent) + style(colour, line)) }
  }

  func print(_ json: JSONValue) { print(json.text(isPretty: true)) }

  /// For who watches; not part of the result.
  func note(_ text: String) { Terminal.write(PlainText.line(text) + "\n", to: 2) }

  func fail(_ text: String) {
    let head = terminal.isError && style.isOn ? "\u{1B}[1;31merror:\u{1B}[0m " : "error: "
    Terminal.write(head + PlainText.line(text) + "\n", to: 2)
  }

  /// One line that replaces itself, on a terminal; nothing elsewhere.
  func progress(_ text: String) {
    guard terminal.isError else { return }
    Terminal.write("\r\u{1B}[K" + DisplayWidth.cut(PlainText.line(text), to: (terminal.width ?? 80) - 1), to: 2)
  }

  func endProgress() {
    guard terminal.isError else { return }
    Terminal.write("\r\u{1B}[K", to: 2)
  }
}

/// How results are written.
enum OutputForm: Sendable {
  case text
  case json
  case ids
}
