import ArgumentParser
import Logging
import PaymentsExample
import PaymentsLab
import ServiceLifecycle
import UnixSignals

/// `payments services`: the simulated services of the steps around payments.
struct ServicesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "services",
    abstract: "Run simulated account, fraud, order and delivery services: one server for all four URLs of serve.",
    discussion: """
      A payment whose description has 'reject account', 'reject fraud', 'reject order' or 'reject delivery' in it is \
      rejected by that step. Every order is known, and costs 12.50 EUR. GET /v1/books shows what was done.
      """
  )

  @Option(help: "TCP port; 0: any free one.")
  var port = 8091

  @Option(help: "Rate of answers that get lost after the work: a probability between 0 and 1.")
  var lostResponse = 0.0

  @Option(help: "Rate of errors before the work: a probability between 0 and 1.")
  var errorBeforeWork = 0.0

  @Option(help: "The same seed gives the same faults to the same requests in the same order.")
  var seed: UInt64 = 1

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("A port is between 0 and 65535.") }
    guard lostResponse >= 0, errorBeforeWork >= 0, lostResponse + errorBeforeWork <= 1 else {
      throw ValidationError("A rate is a probability between 0 and 1, and so is the sum of both.")
    }
  }

  func run() async throws {
    let logger = Log.make("services")
    let simulator = ServiceSimulator(
      faults: .init(lostResponse: lostResponse, errorBeforeWork: errorBeforeWork),
      seed: seed,
      port: port,
      logger: Log.quiet("services.http"),
      decide: { request in
        request.description.contains("reject \(request.step.rawValue)")
          ? StepAnswer(verdict: .rejected, reason: "Simulated: the description asks for it.") : .passed
      },
      terms: { _ in OrderTerms(userId: "user-1", amount: 1250, currency: "EUR", description: nil) }
    )
    let announcement = ClosureService {
      let port = try await simulator.port()
      logger.notice("services listen", metadata: ["url": "http://127.0.0.1:\(port)"])
      try? await gracefulShutdown()
    }
    let group = ServiceGroup(
      configuration: .init(
        services: [simulator, announcement],
        gracefulShutdownSignals: [.sigterm, .sigint],
        logger: Log.quiet("services.lifecycle")
      )
    )
    try await group.run()
  }
}
