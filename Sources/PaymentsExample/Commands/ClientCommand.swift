import ArgumentParser
import AsyncHTTPClient

/// `payments client`: creates payments through the API and waits until they are final.
struct ClientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client",
    abstract: "Create payments through the API, wait until they are final, and print statuses and latencies."
  )

  @Option(help: "The API of a serve process.")
  var url = "http://127.0.0.1:8080"

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
    guard (1...1_000_000).contains(self.count) else { throw ValidationError("--count is between 1 and 1000000.") }
    guard (1...1000).contains(self.concurrency) else { throw ValidationError("--concurrency is between 1 and 1000.") }
  }

  func run() async throws {
    let outcomes = try await HTTPClient.withHTTPClient { client in
      try await self.run(PaymentsClient(client: client, baseURL: self.url))
    }
    for line in ClientReport(outcomes: outcomes).lines { print(line) }
    if outcomes.contains(where: { !$0.status.isFinal }) { throw ExitCode(1) }
  }

  private func run(_ client: PaymentsClient) async throws -> [ClientReport.Outcome] {
    try await withThrowingTaskGroup(of: ClientReport.Outcome.self) { group in
      var outcomes: [ClientReport.Outcome] = []
      for number in 1...self.count {
        if number > self.concurrency, let outcome = try await group.next() { outcomes.append(outcome) }
        group.addTask { try await self.pay(number, client) }
      }
      for try await outcome in group { outcomes.append(outcome) }
      return outcomes
    }
  }

  private func pay(_ number: Int, _ client: PaymentsClient) async throws -> ClientReport.Outcome {
    let clock = ContinuousClock()
    let start = clock.now
    var payment = try await client.create(
      NewPayment(
        userId: "user-\(number)",
        amount: self.amount,
        currency: self.currency,
        description: "Payment \(number) of payments client"
      )
    )
    let accepted = clock.now - start
    var pause = Duration.milliseconds(50)
    while !payment.status.isFinal, clock.now - start < self.timeout {
      try await clock.sleep(for: pause)
      pause = min(pause * 2, .seconds(2))
      payment = try await client.payment(payment.id)
    }
    return ClientReport.Outcome(status: payment.status, accepted: accepted, final: clock.now - start)
  }
}
