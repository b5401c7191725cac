import ArgumentParser
import Logging
import PaymentsExample
import PaymentsLab
import ServiceLifecycle
import Synchronization
import UnixSignals

/// `payments demo`: everything at once, on the screen.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Watch payments leave through the queue while answers get lost and a worker is killed.",
    discussion: """
      Without --database-url it starts a private PostgreSQL cluster and removes it at the end. Exit status 1: a payment \
      isn't final or was executed not exactly once.
      """
  )

  @Option(help: "How many payments.")
  var payments = 10

  @Option(help: "URI or keyword string for libpq of a database that no other payments process uses.")
  var databaseURL: String?

  @Option(help: "The same seed gives the same faults at the provider.")
  var seed: UInt64 = DemoSettings().seed

  @Flag(help: "Leave everything running at the end, until Ctrl-C, to look around.")
  var keep = false

  func validate() throws {
    guard (1...200).contains(payments) else { throw ValidationError("--payments is between 1 and 200.") }
  }

  func run() async throws {
    let settings = DemoSettings(
      payments: payments,
      databaseURL: databaseURL,
      seed: seed,
      keeps: keep
    )
    let result = DemoResult()
    let demo = ClosureService {
      let isRight = try await Demo(settings: settings).run()
      result.set(isRight)
    }
    let group = ServiceGroup(
      configuration: .init(
        services: [
          .init(
            service: demo,
            successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .gracefullyShutdownGroup
          )
        ],
        cancellationSignals: [.sigint, .sigterm],
        logger: Log.make("demo.lifecycle", level: .critical)
      )
    )
    do {
      try await group.run()
    } catch is CancellationError {
      // Ctrl-C; what was started is gone by now.
    }
    switch result.value {
    case true?: return
    case false?: throw ExitCode(1)
    case nil: throw ExitCode(130)
    }
  }
}

/// Whether the demo ended well; nil while it hasn't ended.
final class DemoResult: Sendable {
  private let state = Mutex<Bool?>(nil)

  var value: Bool? {
    state.withLock { $0 }
  }

  func set(_ isRight: Bool) {
    state.withLock { $0 = isRight }
  }
}
