import ArgumentParser
import TaskQueue
import TaskQueuePostgres

struct MigrateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Create the schema, or bring it up to this program's version.",
    discussion: """
      Everything is one transaction, and many may start it at once. It needs a role that may create things: the schema's owner. --dry-run only looks, and ends \
      with 1 if there is something to do: a check for a deploy.
      """
  )

  @OptionGroup var options: CommandOptions
  @Flag(help: "Only look at what would be done.") var dryRun = false

  func run() async throws {
    try await options.runWithoutStore { console, configuration in
      let migrator = Migrator(configuration: configuration.connection.patient, schema: configuration.schema)
      let before = try await migrator.status()
      if dryRun {
        show(before, applied: nil, console)
        if !before.isUpToDate { throw ExitCode(ExitStatus.nothing) }
        return
      }
      console.progress("Migrating …")
      let applied = try await migrator.migrate()
      console.endProgress()
      show(try await migrator.status(), applied: (applied, before.pendingFunctions.count), console)
    }
  }

  /// - Parameter applied: versions, and the number of functions; nil: nothing was to be done.
  private func show(_ status: MigrationStatus, applied: (versions: [Int], functions: Int)?, _ console: Console) {
    if console.form == .json {
      return console.print([
        "version": .int(status.applied.last?.version ?? 0), "functionRevision": .number(status.functionRevision),
        "isUpToDate": .bool(status.isUpToDate), "applied": .array((applied?.versions ?? []).map { .int($0) }),
        "appliedFunctions": .int(applied?.functions ?? 0), "pending": .array(status.pending.map { .int($0) }),
        "pendingFunctions": .array(status.pendingFunctions.map { .string($0) }),
      ])
    }
    if let applied {
      let versions = applied.versions.map(String.init).joined(separator: ", ")
      let functions = applied.functions > 0 ? Words.count(applied.functions, "function") : ""
      let done = [versions.isEmpty ? "" : "version\(applied.versions.count == 1 ? "" : "s") \(versions)", functions]
        .filter { !$0.isEmpty }
      console.print(
        done.isEmpty
          ? "The schema was up to date: version \(status.applied.last?.version ?? 0)."
          : "Applied \(done.joined(separator: " and ")). The schema has version \(status.applied.last?.version ?? 0)."
      )
      return
    }
    console.print("The schema has version \(status.applied.last?.version ?? 0).")
    guard !status.isUpToDate else { return console.print(console.style(.green, "It is up to date.")) }
    if !status.pending.isEmpty {
      console.print("Versions to apply: \(status.pending.map(String.init).joined(separator: ", "))")
    }
    if !status.pendingFunctions.isEmpty {
      let names =
        status.pendingFunctions.prefix(5).joined(separator: ", ") + (status.pendingFunctions.count > 5 ? ", …" : "")
      console.print("Functions to apply: \(Words.count(status.pendingFunctions.count)) (\(names))")
    }
  }
}
