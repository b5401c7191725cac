import Foundation
import Testing

@testable import TaskQueueBench

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite("Charts")
struct ChartTests {
  private func series(_ values: [Double]) -> TimeSeries {
    var series = TimeSeries("test", "Speed", .tasksPerSecond)
    for (index, value) in values.enumerated() { series.append(value, at: Double(index + 1)) }
    return series
  }

  private func parse(_ source: String) -> [String] {
    let elements = ElementNames()
    let parser = XMLParser(data: Data(source.utf8))
    parser.delegate = elements
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    return elements.names
  }

  @Test("The terminal chart starts at zero and is as high as the highest value")
  func terminal() {
    var chart = TerminalChart(series: series([80, 40, 0]))
    chart.height = 4
    let lines = chart.text.split(separator: "\n").map(String.init)
    #expect(
      lines == [
        "Speed, tasks/s", "80 ┤█  ", "   ┤█  ", "40 ┤██ ", "   ┤██ ", " 0 └───", "    0 3 s",
      ]
    )
  }

  @Test("A long series is thinned to the chart's width")
  func width() {
    let chart = TerminalChart(series: series((0..<1_000).map { Double($0 % 7) }), width: 20)
    #expect(chart.text.filter { $0 == "─" }.count == 20)
    #expect(chart.text.split(separator: "\n").allSatisfy { $0.count <= 20 + "3.12 ┤".count })
  }

  @Test("What never changes takes one line, what was never measured none")
  func constant() {
    #expect(TerminalChart(series: series([5, 5, 5])).text == "Speed, tasks/s: 5 throughout")
    #expect(TerminalChart(series: series([])).text.isEmpty)
  }

  @Test("The bar chart is well-formed, with two bars per ratio and one scale per pair")
  func bars() {
    let results = MetricResult.collect([
      Reading(MetricCatalog.drainOne, 50, beside: 100), Reading(MetricCatalog.drainTwo, 300, beside: 100),
      Reading(MetricCatalog.peakMemory, 30),
    ])
    let source = BarChart(title: "A < B & \"C\"", subtitle: "", results: results).source
    let names = parse(source)
    // The page is a rectangle, too.
    #expect(names.filter { $0 == "rect" }.count == 1 + 2 * 2)
    #expect(source.contains("A &lt; B &amp; &quot;C&quot;"))
    // The longest bar is cut at twice the reference, which is half as long then.
    #expect(source.contains("class=\"value\" x=\"24.0\" y=\"193.0\" width=\"600.0\""))
    #expect(source.contains("class=\"reference\" x=\"24.0\" y=\"209.0\" width=\"300.0\""))
    #expect(source.contains("class=\"value\" x=\"24.0\" y=\"111.0\" width=\"150.0\""))
    #expect(source.contains("prefers-color-scheme: dark"))
  }

  @Test("The line chart is well-formed and draws one line per series with values")
  func lines() {
    let source = LineChart(title: "Over time", series: [series([1, 2, 3]), series([]), series([4, 4])]).source
    #expect(parse(source).filter { $0 == "polyline" }.count == 2)
  }
}

private final class ElementNames: NSObject, XMLParserDelegate {
  var names: [String] = []

  func parser(
    _ parser: XMLParser,
    didStartElement elementName: String,
    namespaceURI: String?,
    qualifiedName qName: String?,
    attributes attributeDict: [String: String]
  ) {
    names.append(elementName)
  }
}
