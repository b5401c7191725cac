import ArgumentParser
import AsyncHTTPClient
import Foundation
import PaymentsExample
import PaymentsLab

/// `payments client`: creates payments through the API and waits until they are final.
struct ClientCommand: AsyncParsableCommand {
  /// The environment's name for the key.
  static let keyName = "PAYMENTS_API_KEY"

  static let configuration = CommandConfiguration(
    commandName: "client",
    abstract: "Create payments through the API, wait until they are final, and print statuses and latencies.",
    discussion: """
      Each payment has its Idempotency-Key, and what gets no answer is repeated with it. Exit status 1: a payment \
      isn't final in time, or was refused.
      """
  )

  @Option(help: "The API of a serve process.")
  var url = "http://127.0.0.1:8080"

  @Option(help: "Of `payments keys add`. Rather set \(ClientCommand.keyName): everybody can read a command line.")
  var key: String?

  @Flag(help: "Let the key travel by plain HTTP to another machine.")
  var insecure = false

  @Option(help: "How many payments.")
  var count = 10

  @Option(help: "How many at one time.")
  var concurrency = 4

  @Option(help: "In minor units (cents).")
  var amount: Int64 = 1000

  @Option(help: "ISO 4217.")
  var currency = "EUR"

  @Option(help: "Longest wait for one payment to become final.", transform: DurationText.parse)
  var timeout = Duration.seconds(300)

  func validate() throws {
    guard (1...1_000_000).contains(count) else { throw ValidationError("--count is between 1 and 1000000.") }
    guard (1...1000).contains(concurrency) else { throw ValidationError("--concurrency is between 1 and 1000.") }
  }

  func run() async throws {
    let key = SecretOption.all(key.map { [$0] } ?? [], variable: Self.keyName).first
    if key != nil { try OutgoingURL.check(url, option: "--url", isInsecure: insecure) }
    let report = try await HTTPClient.withHTTPClient(configuration: .connections(concurrency)) { client in
      try await run(PaymentsClient(client: client, baseURL: url, key: key))
    }
    for line in report.lines { print(line) }
    if !report.isRight { throw ExitCode(1) }
  }

  private func run(_ client: PaymentsClient) async throws -> ClientReport {
    let clock = ContinuousClock()
    let start = clock.now
    // Keys of another run never meet these.
    let run = UUID().uuidString
    var progress = ProgressBar(total: count)
    return try await withThrowingTaskGroup(of: ClientReport.Outcome.self) { group in
      var outcomes: [ClientReport.Outcome] = []
      func add(_ outcome: ClientReport.Outcome) {
        outcomes.append(outcome)
        progress.show(outcomes.count, after: clock.now - start)
      }
      progress.show(0, after: .zero)
      for number in 1...count {
        if number > concurrency, let outcome = try await group.next() { add(outcome) }
        let run = ClientRun(client: client, payment: payment(number), key: "\(run)-\(number)", limit: timeout)
        group.addTask { try await run.run() }
      }
      for try await outcome in group { add(outcome) }
      progress.finish()
      return ClientReport(outcomes: outcomes, elapsed: clock.now - start)
    }
  }

  private func payment(_ number: Int) -> NewPayment {
    NewPayment(
      userId: "user-\(number)",
      amount: amount,
      currency: currency,
      description: "Payment \(number) of payments client"
    )
  }
}
