import ArgumentParser
import Foundation
import PaymentsLab

/// `payments throughput`: how fast one process is, beside what PostgreSQL takes.
struct ThroughputCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "throughput",
    abstract: "Measure accepted and executed payments per second beside the same inserts by pgbench.",
    discussion: """
      Starts a private PostgreSQL cluster, one serve process and a provider without faults. A round accepts all payments while \
      nobody works on them, then has them executed (register, execute, look again), then lets pgbench do the inserts of the \
      same number. Use a release build.
      """
  )

  @Option(help: "How many payments per round.")
  var payments = ThroughputRun().payments

  @Option(help: "How many rounds; the median is shown.")
  var rounds = ThroughputRun().rounds

  @Option(help: "Clients at one time, and payments worked on at one time.")
  var concurrency = ThroughputRun().concurrency

  func validate() throws {
    guard (1...1_000_000).contains(payments) else {
      throw ValidationError("--payments is between 1 and 1000000.")
    }
    guard (1...100).contains(rounds) else { throw ValidationError("--rounds is between 1 and 100.") }
    guard (1...100).contains(concurrency), concurrency <= payments else {
      throw ValidationError("--concurrency is between 1 and 100, and at most --payments.")
    }
  }

  func run() async throws {
    let run = ThroughputRun(payments: payments, rounds: rounds, concurrency: concurrency)
    let report = try await run.run { line in
      try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }
    for line in report.lines { print(line) }
  }
}
