import ArgumentParser
import Foundation

/// `taskqueue-bench suite`: speed, latency and cost, each beside the raw limit.
struct SuiteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suite",
    abstract: "Speed, latency and cost, each beside a C-speed loop of the same SQL.",
    discussion: "Raw loop and TaskQueue take turns; the table shows the median and the spread of the rounds."
  )

  private static let names = ScenarioCatalog.all(.full).map(\.name)

  @Flag(help: "Small sizes and three rounds: the whole suite in less than a minute.")
  var quick = false

  @Option(help: "Rounds. Default: 5; with --quick 3.")
  var rounds: Int?

  @Option(help: "Tasks per drain. Default: 200000; with --quick 20000.")
  var tasks: Int?

  @Option(
    help: .init("Only these scenarios, separated by commas: \(Self.names.joined(separator: ", ")).", valueName: "names")
  )
  var only: String?

  @OptionGroup var server: ServerOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard (tasks ?? 1) > 0, (rounds ?? 1) > 0 else { throw ValidationError("--tasks and --rounds are above zero.") }
    if let unknown = chosen?.first(where: { !Self.names.contains($0) }) {
      throw ValidationError("There is no scenario \(unknown). There are: \(Self.names.joined(separator: ", ")).")
    }
  }

  func run() async throws {
    let thresholds = try report.loadThresholds()
    var sizes = quick ? SuiteSizes.quick : .full
    if let tasks { sizes.tasks = tasks }
    let rounds = rounds ?? (quick ? 3 : 5)
    let chosen = chosen
    let scenarios = ScenarioCatalog.all(sizes).filter { chosen?.contains($0.name) ?? true }
    let progress = ProgressLine(steps: scenarios.reduce(0) { $0 + $1.rounds(of: rounds) })
    let startedAt = Date()
    let watch = Stopwatch()
    let result = try await server.withDatabase(progress) { database in
      BenchmarkReport(
        command: "suite",
        environment: try await database.environment(),
        settings: ["rounds": "\(rounds)", "tasks": "\(sizes.tasks)", "quick": "\(quick)"],
        startedAt: startedAt,
        seconds: 0,
        results: MetricResult.collect(try await measure(scenarios, rounds, database, progress)),
        series: [],
        thresholds: thresholds
      )
    }
    progress.finish()
    try deliver(result, watch.seconds)
  }

  private var chosen: [String]? { only?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }

  private func measure(
    _ scenarios: [any Scenario],
    _ rounds: Int,
    _ database: BenchmarkDatabase,
    _ progress: ProgressLine
  ) async throws -> [Reading] {
    var readings: [Reading] = []
    for round in 1...rounds {
      for scenario in scenarios where round <= scenario.rounds(of: rounds) {
        progress.step("\(scenario.name), round \(round)/\(scenario.rounds(of: rounds))")
        readings += try await scenario.round(database)
      }
    }
    return readings
  }

  private func deliver(_ result: BenchmarkReport, _ seconds: Double) throws {
    var result = result
    result.seconds = seconds
    let environment = result.environment
    let chart = BarChart(
      title: "TaskQueue beside raw SQL of the same shape",
      subtitle: "PostgreSQL \(environment.postgres), \(environment.processors) CPUs, medians; the grey bar is raw SQL",
      results: result.results.filter { $0.metric.unit.isSpeed && $0.metric.reference?.hasPrefix("raw:") == true }
    )
    try report.deliver(result, chart: chart.source)
  }
}
