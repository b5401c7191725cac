import ArgumentParser
import Foundation

/// `taskqueue-bench scale`: more processes on one database.
struct ScaleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale",
    abstract: "Drains with 1, 2 and 4 worker processes, perhaps through PgBouncer, and counts the claims of a wake-up."
  )

  enum Listener: String, CaseIterable, ExpressibleByArgument {
    case direct, absent
  }

  @Flag(help: "Small sizes: below a minute.")
  var quick = false

  @Option(help: "Tasks per drain. Default: 200000; with --quick 20000.")
  var tasks: Int?

  @Option(help: "Rounds. Default: 5; with --quick 2.")
  var rounds: Int?

  @Flag(help: "Also drain through a PgBouncer in transaction mode, which is started for it.")
  var pgbouncer = false

  @Option(help: "The program, if it isn't in the search path. Implies --pgbouncer.")
  var pgbouncerPath: String?

  @Option(help: "Behind PgBouncer: whether workers listen on a direct connection or only poll (direct, absent).")
  var listener = Listener.direct

  @OptionGroup var server: ServerOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    guard (tasks ?? 1) > 0, (rounds ?? 1) > 0 else { throw ValidationError("--tasks and --rounds are above zero.") }
  }

  func run() async throws {
    let thresholds = try report.loadThresholds()
    let rounds = rounds ?? (quick ? 2 : 5)
    let tasks = tasks ?? (quick ? 20_000 : 200_000)
    let hasBouncer = pgbouncer || pgbouncerPath != nil
    let progress = ProgressLine(steps: ScaleRun.steps(rounds: rounds, hasBouncer: hasBouncer))
    let startedAt = Date()
    let watch = Stopwatch()
    let settings = [
      "rounds": "\(rounds)", "tasks": "\(tasks)", "pgbouncer": "\(hasBouncer)", "listener": listener.rawValue,
    ]
    var result = try await server.withDatabase(progress) { database in
      let environment = try await database.environment()
      let readings = try await withBouncer(hasBouncer, database) { bouncer in
        try await ScaleRun(
          database: database,
          tasks: tasks,
          rounds: rounds,
          wakeUps: quick ? 60 : 200,
          bouncer: bouncer,
          listensDirectly: listener == .direct
        ).run(progress)
      }
      return BenchmarkReport(
        command: "scale",
        environment: environment,
        settings: settings,
        startedAt: startedAt,
        seconds: 0,
        results: MetricResult.collect(readings),
        series: [],
        thresholds: thresholds
      )
    }
    progress.finish()
    result.seconds = watch.seconds
    try report.deliver(result, chart: chart(result).source)
  }

  private func chart(_ result: BenchmarkReport) -> BarChart {
    BarChart(
      title: "More worker processes on one database",
      subtitle: "PostgreSQL \(result.environment.postgres), \(result.environment.processors) CPUs, medians",
      results: result.results.filter { $0.metric.unit.isSpeed }
    )
  }

  private func withBouncer(
    _ isWanted: Bool,
    _ database: BenchmarkDatabase,
    _ body: (PgBouncer?) async throws -> [Reading]
  ) async throws -> [Reading] {
    guard isWanted else { return try await body(nil) }
    let bouncer = try await PgBouncer.start(path: pgbouncerPath, before: database.connectionString)
    do {
      let readings = try await body(bouncer)
      await bouncer.stop()
      return readings
    } catch {
      await bouncer.stop()
      throw error
    }
  }
}
