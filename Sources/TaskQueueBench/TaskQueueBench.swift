import ArgumentParser

/// Measures TaskQueue beside raw SQL of the same shape, in one run on one machine.
@main
struct TaskQueueBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "taskqueue-bench",
    abstract: "Measures TaskQueue beside raw SQL of the same shape, in one run on one machine.",
    discussion: """
      Without --database-url a private PostgreSQL cluster is started and removed at the end. Progress goes to standard \
      error, results to standard output. Exit status 1: a threshold is missed, or something failed.
      """,
    subcommands: [SuiteCommand.self, FlatCommand.self, ScaleCommand.self, SoakCommand.self, WorkerCommand.self],
    defaultSubcommand: SuiteCommand.self
  )
}
