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
    abstract: "The workers that run, with the queues and types that they serve.",
    discussion: "A worker reports every 30 s; one that was killed is listed for 2 minutes more, with an old SEEN."
  )

  @OptionGroup var options: CommandOptions

  func run() async throws {
    try await options.run { session in
      let workers = try await session.client.workers()
      if session.isJSON { session.console.print(["workers": .array(workers.map { .worker($0) })]) }
      guard !workers.isEmpty else { throw session.nothing("No worker runs.") }
      if session.isJSON { return }
      var table = Table([
        .init("worker", min: 10), .init("slots", right: true), .init("up", right: true), .init("seen", right: true),
        .init("queues", min: 8),
        .init("types", min: 12),
      ])
      for worker in workers {
        let seen = Words.age(worker.seenAt, at: session.now)
        let isSilent = session.now.timeIntervalSince(worker.seenAt) > 45
        table.add([
          .init(worker.name, .bold), .init("\(worker.slots)"), .init(Words.age(worker.startedAt, at: session.now)),
          .init(seen, isSilent ? .yellow : .plain), .init(worker.queues.map(\.rawValue).joined(separator: " ")),
          .init(worker.types.map(\.rawValue).sorted().joined(separator: " ")),
        ])
      }
      session.console.print(table)
    }
  }
}
