import Foundation
import Logging
import NIOHTTP1
import Synchronization
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("A word for a status that the contract doesn't know")
struct UnknownStatusTests {
  @Test("It is told once which word it was, and after a while a person has to look", .timeLimit(.minutes(3)))
  func told() async throws {
    try await Self.with(limit: .seconds(4)) { fixture, payment, provider, log in
      provider.alter { $0.status = .init(rawValue: "SETTLING") }
      try await eventually("it says why") {
        try await fixture.client.payment(payment.id).trouble?.error?.contains("SETTLING") == true
      }
      let listed = try await fixture.send(.GET, "/payments?failing=true").json(PaymentPage.self)
      #expect(listed.payments.map(\.status.rawValue) == ["SETTLING"])
      try await eventually("it is stopped", within: .seconds(60)) {
        try await fixture.client.payment(payment.id).payment.stopReason?.contains("SETTLING") == true
      }
      let details = try await fixture.client.payment(payment.id)
      #expect(details.history.count { $0.kind == .attemptFailed } == 1)
      #expect(details.history.last?.kind == .stopped)
      let told = log.text.split(separator: "\n").filter { $0.contains("payment doesn't come on") }
      #expect(told.count == 1 && told[0].contains("SETTLING"), "\(told)")
      // A person has it looked at for as long again. Meanwhile the provider has found its word.
      provider.alter { $0.status = .done }
      #expect(try await fixture.post("/payments/\(payment.id)/resume").status == 202)
      #expect(try await fixture.finals([payment]).map(\.status) == [.done])
    }
  }

  @Test("Another word each time is stopped as well; known ones are waited for", .timeLimit(.minutes(3)))
  func changing() async throws {
    try await Self.with(limit: .seconds(3)) { fixture, payment, provider, _ in
      let looks = Mutex(0)
      provider.alter { entry in
        entry.status = .processing
        looks.withLock { $0 += 1 }
      }
      try await eventually("it is looked at for longer than that", within: .seconds(60)) {
        try await Task.sleep(for: .seconds(5))
        return looks.withLock { $0 } > 10
      }
      #expect(try await fixture.client.payment(payment.id).payment.stopReason == nil)
      provider.alter { entry in
        looks.withLock { $0 += 1 }
        entry.status = .init(rawValue: "STEP \(looks.withLock { $0 })")
      }
      try await eventually("it is stopped", within: .seconds(60)) {
        try await fixture.client.payment(payment.id).payment.stopReason?.contains("STEP") == true
      }
    }
  }

  private static func with(
    limit: Duration,
    _ body: @escaping (PaymentsFixture, Payment, AlteringProvider, LogRecorder) async throws -> Void
  ) async throws {
    let provider = AlteringProvider(ScriptedProvider())
    let log = LogRecorder()
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let app = PaymentsApp(
        settings: PaymentsFixture.settings { $0.upkeep = UpkeepSettings(finalWithin: limit) },
        client: fixture.app.client,
        providers: .init(provider),
        logger: Logger(label: "test") { _ in log }
      )
      try await app.worker().whileRunning {
        try await eventually("it is executed") { provider.provider.count("execute") == 1 }
        try await body(fixture, payment, provider, log)
      }
    }
  }
}
