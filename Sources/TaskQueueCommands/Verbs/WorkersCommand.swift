import ArgumentParser
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct WorkersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workers",
    abstract: "The workers that run: what they serve, have in flight, and have held for long.",
    discussion: """
      A worker reports every 30 s; one that was killed is listed for 2 minutes more, with an old SEEN. IN FLIGHT and OLDEST are as of then. OLDEST, and the \
      tasks of --tasks, are attempts that had run for 10 s, of each worker the oldest \(WorkerSnapshot.maxHeld); a worker reports at most 10 s later when they change.
      """
  )

  @OptionGroup var options: CommandOptions

  @Argument(help: "Only workers of this name, with their tasks.")
  var name: String?

  @Flag(help: "Also the tasks that they have held for long.")
  var tasks = false

  func run() async throws {
    try await options.run { session in
      let workers = try await session.client.workers().filter { name == nil || $0.name == name }
      if session.isJSON { session.console.print(["workers": .array(workers.map { .worker($0) })]) }
      guard !workers.isEmpty else {
        throw session.nothing(name.map { "No worker \(PlainText.line($0)) runs." } ?? "No worker runs.")
      }
      if session.isJSON { return }
      session.console.print(Self.table(of: workers, session))
      guard tasks || name != nil else { return }
      session.console.section("Held for 10 s or more, as of the last report")
      let held = Self.tasks(of: workers, session)
      if held.rows.isEmpty { session.console.print("  none") } else { session.console.print(held) }
    }
  }

  private static func table(of workers: [WorkerSnapshot], _ session: Session) -> Table {
    let hasVersions = workers.contains { $0.version != nil }
    var table = Table(
      [
        .init("worker", min: 10), .init("slots", right: true), .init("in flight", right: true),
        .init("oldest", right: true), .init("up", right: true), .init("seen", right: true),
      ] + (hasVersions ? [.init("version", min: 7)] : []) + [.init("queues", min: 8), .init("types", min: 8)]
    )
    for worker in workers {
      let isSilent = session.now.timeIntervalSince(worker.seenAt) > 45
      table.add(
        [
          .init(worker.name, .bold), .init("\(worker.slots)"), .init(worker.inFlight.map { "\($0)" } ?? "-"),
          .init(Words.age(worker.held.first?.since, at: session.now)),
          .init(Words.age(worker.startedAt, at: session.now)),
          .init(Words.age(worker.seenAt, at: session.now), isSilent ? .yellow : .plain),
        ] + (hasVersions ? [.init(worker.version ?? "-")] : []) + [
          .init(worker.queues.isEmpty ? "shuts down" : worker.queues.map(\.rawValue).joined(separator: " ")),
          .init(worker.types.map(\.rawValue).sorted().joined(separator: " ")),
        ]
      )
    }
    return table
  }

  private static func tasks(of workers: [WorkerSnapshot], _ session: Session) -> Table {
    var table = Table([
      .init("for", right: true), .init("task", right: true), .init("type", min: 12), .init("attempt", right: true),
      .init("worker", min: 10), .init("seen", right: true),
    ])
    let held = workers.flatMap { worker in worker.held.map { (worker, $0) } }
    for (worker, attempt) in held.sorted(by: { $0.1.since < $1.1.since }) {
      table.add([
        .init(Words.age(attempt.since, at: session.now)), .init("\(attempt.task)", .bold),
        .init(attempt.type.rawValue), .init("\(attempt.attempt)"), .init(worker.name),
        .init(Words.age(worker.seenAt, at: session.now)),
      ])
    }
    return table
  }
}
