import ArgumentParser
import Foundation

/// `taskqueue-bench soak`: memory and connections over time.
struct SoakCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract: "Produces and drains at full speed for long, and watches memory, descriptors, threads and connections.",
    discussion: "Compares the last quarter of the time with the second one."
  )

  @Option(help: "How long.")
  var minutes = 20.0

  @Option(help: "One task in so many has a payload of 1 MB.")
  var largeEvery = 5_000

  @OptionGroup var server: ServerOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard minutes >= 0.5 else { throw ValidationError("--minutes is at least 0.5: fewer samples prove nothing.") }
    guard largeEvery > 0 else { throw ValidationError("--large-every is above zero.") }
  }

  func run() async throws {
    let thresholds = try report.loadThresholds()
    let progress = ProgressLine(steps: 0)
    let startedAt = Date()
    let watch = Stopwatch()
    var result = try await server.withDatabase(progress) { database in
      progress.step("soak: \(NumberText.duration(minutes * 60))")
      let environment = try await database.environment()
      let outcome = try await SoakRun(database: database, seconds: minutes * 60, largeEvery: largeEvery).run(progress)
      return BenchmarkReport(
        command: "soak",
        environment: environment,
        settings: ["minutes": "\(minutes)", "largeEvery": "\(largeEvery)"],
        startedAt: startedAt,
        seconds: 0,
        results: MetricResult.collect(outcome.readings),
        series: outcome.series,
        thresholds: thresholds
      )
    }
    progress.finish()
    result.seconds = watch.seconds
    try report.deliver(result, chart: LineChart(title: "TaskQueue at full speed", series: result.series).source)
  }
}
