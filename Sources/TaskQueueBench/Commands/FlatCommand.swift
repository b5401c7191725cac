import ArgumentParser
import Foundation

/// `taskqueue-bench flat`: what brings other queues down.
struct FlatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flat",
    abstract: "Throughput under a held snapshot, and beside millions of rows and many idle workers.",
    discussion: """
      Each scenario also checks that every task ran. The late commits and newcomers are tasks that a worker could overlook: \
      one with an old id that becomes visible late, and one more urgent than all that wait.
      """
  )

  private static let names = FlatCatalog.all(.full).map(\.name)

  @Flag(help: "Small sizes: everything in a few minutes. Too small for a verdict.")
  var quick = false

  @Option(
    help: .init("Only these scenarios, separated by commas: \(Self.names.joined(separator: ", ")).", valueName: "names")
  )
  var only: String?

  @Option(help: "How long the snapshot is held. Default: 10; with --quick 0.5.")
  var minutes: Double?

  @Option(help: "Tasks per second produced meanwhile. Default: 15000; with --quick 5000.")
  var rate: Int?

  @Option(help: "Pending tasks. Default: 10000000; with --quick 300000.")
  var pending: Int?

  @Option(help: "Tasks due in a day. Default: 1000000; with --quick 100000.")
  var future: Int?

  @Option(help: "Dead letters. Default: 1000000; with --quick 100000.")
  var dead: Int?

  @Option(help: "Tasks in line at one key of a limit. Default: 1000000; with --quick 100000.")
  var limited: Int?
  @Option(help: "Flows that sleep or wait for an event. Default: 10000000; with --quick 100000.")
  var sleeping: Int?

  @Option(help: "Idle workers. Default: 100; with --quick 20.")
  var idleWorkers: Int?

  @Option(help: "Tasks per drain. Default: 200000; with --quick 20000.")
  var tasks: Int?

  @Option(help: "Rounds of the drains. Default: 3; with --quick 1.")
  var rounds: Int?

  @OptionGroup var server: ServerOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    let counts = [rate, pending, future, dead, limited, sleeping, idleWorkers, tasks, rounds].compactMap(\.self)
    guard counts.allSatisfy({ $0 > 0 }), (minutes ?? 1) > 0 else {
      throw ValidationError("Sizes, rounds and minutes are above zero.")
    }
    if let unknown = chosen?.first(where: { !Self.names.contains($0) }) {
      throw ValidationError("There is no scenario \(unknown). There are: \(Self.names.joined(separator: ", ")).")
    }
  }

  func run() async throws {
    let thresholds = try report.loadThresholds()
    let sizes = sizes
    let chosen = chosen
    let scenarios = FlatCatalog.all(sizes).filter { chosen?.contains($0.name) ?? true }
    let progress = ProgressLine(steps: scenarios.count, estimates: false)
    let startedAt = Date()
    let watch = Stopwatch()
    var result = try await server.withDatabase(progress) { database in
      var outcome = FlatOutcome()
      let environment = try await database.environment()
      for scenario in scenarios {
        progress.step(scenario.name)
        let part = try await scenario.run(database, progress)
        outcome.readings += part.readings
        outcome.series += part.series
      }
      return BenchmarkReport(
        command: "flat",
        environment: environment,
        settings: settings(sizes),
        startedAt: startedAt,
        seconds: 0,
        results: MetricResult.collect(outcome.readings),
        series: outcome.series,
        thresholds: thresholds
      )
    }
    progress.finish()
    result.seconds = watch.seconds
    try report.deliver(result, chart: LineChart(title: "TaskQueue over time", series: result.series).source)
  }

  private var chosen: [String]? { only?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }

  private var sizes: FlatSizes {
    var sizes = quick ? FlatSizes.quick : .full
    if let minutes { sizes.minutes = minutes }
    if let rate { sizes.rate = rate }
    if let pending { sizes.pending = pending }
    if let future { sizes.future = future }
    if let dead { sizes.dead = dead }
    if let limited { sizes.limited = limited }
    if let sleeping { sizes.sleeping = sleeping }
    if let idleWorkers { sizes.idleWorkers = idleWorkers }
    if let tasks { sizes.tasks = tasks }
    if let rounds { sizes.rounds = rounds }
    return sizes
  }

  private func settings(_ sizes: FlatSizes) -> [String: String] {
    [
      "minutes": "\(sizes.minutes)", "rate": "\(sizes.rate)", "pending": "\(sizes.pending)",
      "future": "\(sizes.future)", "dead": "\(sizes.dead)", "limited": "\(sizes.limited)",
      "sleeping": "\(sizes.sleeping)",
      "idleWorkers": "\(sizes.idleWorkers)", "tasks": "\(sizes.tasks)", "rounds": "\(sizes.rounds)",
    ]
  }
}
