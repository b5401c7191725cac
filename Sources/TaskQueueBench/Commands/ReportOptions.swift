import ArgumentParser
import Foundation

/// What to do with the results.
struct ReportOptions: ParsableArguments {
  @Option(help: .init("Write everything measured to this file, as JSON.", valueName: "file"))
  var json: String?

  @Option(help: .init("Draw a chart into this file, as SVG.", valueName: "file"))
  var svg: String?

  @Option(
    help: .init(
      "JSON file of bounds that decide the exit status: metric id → { minRatio, maxRatio, minimum, maximum }.",
      valueName: "file"
    )
  )
  var thresholds: String?

  /// So that a mistake shows before hours of measuring, not after.
  func validate() throws {
    for path in [json, svg].compactMap(\.self) {
      let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
      guard FileManager.default.isWritableFile(atPath: directory) else {
        throw ValidationError("There is no directory to write \(path) to, or it can't be written to.")
      }
    }
  }

  /// Read before anything is measured.
  func loadThresholds() throws -> Thresholds {
    guard let thresholds else { return Thresholds() }
    guard let data = FileManager.default.contents(atPath: thresholds) else {
      throw ValidationError("The thresholds file can't be read: \(thresholds)")
    }
    do { return try Thresholds(json: data) } catch let error as BenchmarkError {
      throw ValidationError(error.description)
    }
  }

  /// Prints the report and writes the files.
  ///
  /// - Parameter chart: the source of the SVG.
  /// - Throws: `ExitCode.failure` when a threshold is missed.
  func deliver(_ report: BenchmarkReport, chart: String) throws {
    print(report.environment.summary + "\n")
    for series in report.series {
      let text = TerminalChart(series: series).text
      if !text.isEmpty { print(text + "\n") }
    }
    print(ReportTable(results: report.results, thresholds: report.thresholds).text)
    if let json { try write(report.json(), to: json) }
    if let svg { try write(Data(chart.utf8), to: svg) }
    let misses = report.misses
    guard misses.isEmpty else {
      print("\n\(misses.count) of the thresholds missed: \(misses.map(\.metric.id).joined(separator: ", "))")
      throw ExitCode.failure
    }
    if thresholds != nil { print("\nAll thresholds that were measured hold.") }
  }

  private func write(_ data: Data, to path: String) throws {
    do { try data.write(to: URL(fileURLWithPath: path)) } catch {
      throw BenchmarkError("Can't write \(path): \(error.localizedDescription)")
    }
  }
}
