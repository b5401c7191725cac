import AsyncHTTPClient
import Foundation
import PaymentsExample
import SeededRandom

/// Creates the payments through the API of processes that die: asks another one with the same key until one answers.
struct ChaosClient: Sendable {
  /// Every so many payments one is asked for again, at the other process, although it was accepted.
  static let repetitionPeriod = 10
  static let shortestPause = Duration.milliseconds(20)
  static let longestPause = Duration.seconds(1)

  let servers: [PaymentsClient]
  /// How many it makes.
  let payments: Int
  let settings: ChaosSettings
  let tally: ChaosTally

  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...payments {
        if number > settings.concurrency { try await group.next() }
        // The other half goes to the other provider.
        while number > payments / 2, tally.counts.switches == 0 { try await Task.sleep(for: Self.shortestPause) }
        group.addTask { try await create(number) }
      }
      try await group.waitForAll()
    }
  }

  private func create(_ number: Int) async throws {
    let id = try await accepted(number, from: number)
    tally.change { $0.accepted += 1 }
    guard number % Self.repetitionPeriod == 0 else { return }
    let again = try await accepted(number, from: number + 1)
    tally.change { counts in
      counts.repeated += 1
      if again != id { counts.doubled += 1 }
    }
  }

  /// - Throws: `PaymentsClient.Refusal` if it is refused for good; `CancellationError`.
  private func accepted(_ number: Int, from first: Int) async throws -> PaymentID {
    var generator = SeededGenerator(seed: settings.seed &+ UInt64(number))
    let payment = NewPayment(
      userId: "user-\(number % 97)",
      orderId: "order-\(number)",
      amount: Int64.random(in: 1...99_999, using: &generator),
      currency: ["EUR", "USD", "JPY"][number % 3],
      description: "Chaos \(number)"
    )
    var pause = Self.shortestPause
    var server = first
    while true {
      do {
        return try await servers[server % servers.count].create(payment, idempotencyKey: "chaos-\(number)").id
      } catch let error as PaymentsClient.Refusal where !error.isTransient {
        throw error
      } catch {
        try Task.checkCancellation()
        tally.change { $0.unanswered += 1 }
      }
      server += 1
      try await Task.sleep(for: pause)
      pause = min(pause * 2, Self.longestPause)
    }
  }
}
