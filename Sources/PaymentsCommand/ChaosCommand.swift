import ArgumentParser
import Foundation
import PaymentsLab

/// `payments chaos`: everything that can go wrong at once, and then a look at the books.
struct ChaosCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chaos",
    abstract: "Kill servers and the database while a hostile provider takes payments; then compare the books.",
    discussion: """
      Starts a private PostgreSQL cluster, two serve processes, a third one with a database of its own, and two providers without \
      idempotency that lose answers, fail before and after the work, stall, return, refund and dispute payments, and repeat, reorder \
      and forge callbacks. Midway all change from one provider to the other. Exit status 1: a promise was broken.
      """
  )

  @Option(help: "How many payments.")
  var payments = ChaosSettings().payments

  @Option(help: "The same seed gives the same faults and victims.")
  var seed = ChaosSettings().seed

  @Option(help: "How many are created at one time.")
  var concurrency = ChaosSettings().concurrency

  @Option(help: "Until all have to be final. (default: 1h)", transform: DurationText.parse)
  var limit = ChaosSettings().limit

  func validate() throws {
    guard (1...1_000_000).contains(payments) else {
      throw ValidationError("--payments is between 1 and 1000000.")
    }
    guard (1...1000).contains(concurrency) else { throw ValidationError("--concurrency is between 1 and 1000.") }
  }

  func run() async throws {
    var settings = ChaosSettings()
    settings.payments = payments
    settings.seed = seed
    settings.concurrency = concurrency
    settings.limit = limit
    let progress = ChaosProgress(total: settings.allPayments)
    let report = try await ChaosRun(settings: settings).run { progress.show($0, $1) }
    progress.finish()
    for line in report.lines { print(line) }
    if !report.isRight { throw ExitCode(1) }
  }
}
