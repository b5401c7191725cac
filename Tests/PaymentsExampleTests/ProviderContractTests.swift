import AsyncHTTPClient
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("The provider's contract over HTTP")
struct ProviderContractTests {
  @Test("An execution that takes no time is answered with its end")
  func finalAtOnce() async throws {
    try await PaymentsFixture.with(ProviderFaults(processingTime: .zero), works: false) { fixture in
      let provider = fixture.provider
      let created = try await provider.create(Self.request, idempotencyKey: "a")
      #expect(created.status == .initial)
      let executed = try await provider.execute(id: created.id, idempotencyKey: "b")
      #expect(executed?.status == .done)
      #expect(executed?.amount == Self.request.amount)
      #expect(try await provider.execute(id: created.id, idempotencyKey: "b")?.status == .done)
      #expect(fixture.simulator.ledger.executions(reference: Self.request.reference) == 1)
    }
  }

  @Test(
    "An execution that is refused is no reason to wait: nothing moves, and the payment FAILS with the provider's words"
  )
  func refusedExecution() async throws {
    try await PaymentsFixture.with(ProviderFaults(refuse: 1)) { fixture in
      let payment = try await fixture.finals(try await fixture.create(1))[0]
      #expect(payment.status == .failed)
      #expect(payment.failure == "The payer's bank refuses it.")
      #expect(fixture.executions(payment) == 0)
      #expect(fixture.simulator.ledger.entries.map(\.status) == [.cancelled])
      let error = await #expect(throws: ProviderError.self) {
        try await fixture.provider.execute(id: "nobody", idempotencyKey: "a")
      }
      #expect(error?.code == .unknownPayment)
    }
  }

  @Test(
    "Each call carries the provider's key, which nothing gives away; without it nothing is done, and nothing is given up"
  )
  func key() async throws {
    let quiet = Log.quiet("test")
    try await HTTPClient.withHTTPClient { http in
      let simulator = ProviderSimulator(
        faults: .none,
        seed: 1,
        secret: "s",
        key: "key-of-ours",
        callbacks: CallbackSender(client: http, logger: quiet),
        logger: quiet
      )
      try await simulator.whileRunning {
        let url = "http://127.0.0.1:\(try await simulator.port())"
        let provider = ProviderClient(client: http, baseURL: url, key: "key-of-ours")
        let created = try await provider.create(Self.request, idempotencyKey: "a")
        #expect(try await provider.execute(id: created.id, idempotencyKey: "b")?.status == .processing)
        var dumped = ""
        dump(provider, to: &dumped)
        #expect(!dumped.contains("key-of-ours"))
        #expect(!"\(provider)".contains("key-of-ours"))
        for key in [nil, "another"] {
          let stranger = ProviderClient(client: http, baseURL: url, key: key)
          let error = await #expect(throws: ProviderError.self) {
            try await stranger.execute(id: created.id, idempotencyKey: "b")
          }
          #expect(error?.httpStatus == 401)
          #expect(error?.isRefusal == false)
        }
      }
    }
  }

  static let request = ProviderPaymentRequest(
    reference: "r1",
    userId: "u",
    amount: 1250,
    currency: "EUR",
    description: ""
  )
}
