import Foundation
import NIOHTTP1
import Synchronization
import TaskQueue
import TaskQueuePostgres
import TaskQueuePrometheus
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("One provider's outage", .serialized)
struct GuardedProviderTests {
  private static let payments = 24

  private static let settings = PaymentsFixture.settings {
    $0.workers = 8
    $0.baseRetry = .seconds(60)
    $0.maxRetry = .seconds(900)
    $0.lease = .seconds(60)
  }

  /// The longest that a payment took from its creation to its end.
  private static func longest(_ payments: [Payment]) -> Double {
    payments.map { $0.updatedAt.timeIntervalSince($0.createdAt) }.max() ?? 0
  }

  @Test("While one provider hangs until the timeout, the other's payments take no longer than before")
  func stalled() async throws {
    let faults = [
      "good": ProviderFaults(processingTime: .milliseconds(20)),
      "stalled": ProviderFaults(stall: 1, stallTime: .seconds(9)),
    ]
    let timeout = Duration.seconds(6)
    try await ProvidersFixture.with(faults) { fixture in
      try await fixture.serve(["good", "stalled"], timeout: timeout, settings: Self.settings) { process in
        let before = Self.longest(try await process.finals(try await process.create(Self.payments, at: nil, "before")))
        _ = try await process.create(Self.payments * 2, at: "stalled", "stalled")
        try await Task.sleep(for: .milliseconds(300))
        let meanwhile = try await process.finals(try await process.create(Self.payments, at: nil, "meanwhile"))
        #expect(meanwhile.allSatisfy { $0.status == .done })
        // Without its share it would wait for the timeout at least.
        #expect(Self.longest(meanwhile) < before + 3, "\(Self.longest(meanwhile)) s, \(before) s before")
        // All that could begin with the stalled one have, and hold no more than its share.
        let calls = fixture.simulators["stalled"].map { $0.state.withLock { $0.requests.count } } ?? 0
        #expect((1...6).contains(calls), "\(calls) calls")
        try await eventually("the breaker has opened") {
          let metrics = String(decoding: try await process.send(.GET, "/metrics").body, as: UTF8.self)
          return metrics.contains("payments_provider_breaker{provider=\"stalled\",state=\"closed\"} 0\n")
        }
        let after = try await process.finals(try await process.create(Self.payments, at: nil, "after"))
        #expect(Self.longest(after) < before + 3, "\(Self.longest(after)) s, \(before) s before")
        let metrics = String(decoding: try await process.send(.GET, "/metrics").body, as: UTF8.self)
        #expect(metrics.contains("payments_provider_calls_refused_total{provider=\"stalled\",reason=\"limit\"}"))
        #expect(metrics.contains("payments_provider_breaker{provider=\"good\",state=\"closed\"} 1\n"))
      }
    }
  }

  @Test("That a provider answers again is noticed within seconds, however long the wait between attempts has become")
  func recovery() async throws {
    try await ProvidersFixture.with([:]) { fixture in
      var fixture = fixture
      let gone = fixture.simulator("gone")
      var url = ""
      // Nobody listens there afterwards.
      try await gone.whileRunning { url = "http://127.0.0.1:\(try await gone.port())" }
      fixture.urls["gone"] = url
      let port = try #require(URL(string: url)?.port)
      try await fixture.serve(["gone"], settings: Self.settings) { process in
        let payments = try await process.create(Self.payments, at: nil, "k")
        try await eventually("it is left alone") {
          let metrics = String(decoding: try await process.send(.GET, "/metrics").body, as: UTF8.self)
          return metrics.contains("payments_provider_breaker{provider=\"gone\",state=\"open\"} 1\n")
        }
        let simulator = fixture.simulator("gone", ProviderFaults(processingTime: .milliseconds(20)), port: port)
        simulator.callBack(to: "\(process.url)\(PaymentAPI.callbackPath)")
        try await simulator.whileRunning {
          let start = ContinuousClock.now
          try await eventually("all but the very first failures are done", within: .seconds(30)) {
            try await process.finals(payments, atMost: .zero).count { $0.status == .done } >= Self.payments - 2
          }
          #expect(ContinuousClock.now - start < .seconds(20))
        }
      }
    }
  }

  @Test("What the provider says no to is no failure of it; what isn't an answer is, and says when to come back")
  func verdicts() async throws {
    func guarded(_ error: ProviderError) throws -> any PaymentProvider {
      let providers = try PaymentProviders(["p": OneIdProvider(id: "x", error: error)], primary: "p")
        .guarded(workers: 4, baseRetry: .seconds(60), metrics: PrometheusMetrics(), logger: Log.quiet("test"))
      return try providers.provider("p")
    }
    func lastError(_ error: ProviderError, calls: Int = 30) async throws -> ProviderError? {
      let provider = try guarded(error)
      var last: ProviderError?
      for _ in 1...calls {
        do { _ = try await provider.cancel(id: "x", idempotencyKey: "k") } catch let error as ProviderError {
          last = error
        }
      }
      return last
    }
    for (status, code) in [
      (402, ProviderError.Code.refused), (404, .unknownPayment), (409, .refused), (422, .refused), (501, .unsupported),
      (404, .unexpectedStatus), (422, .unexpectedStatus),
    ] as [(UInt, ProviderError.Code)] {
      #expect(try await lastError(.init(code: code, call: "c", httpStatus: status))?.code == code, "\(status)")
    }
    for status in [401, 408, 429, 500, 502, 503] as [UInt] {
      let error = try await lastError(.init(code: .unexpectedStatus, call: "c", httpStatus: status))
      #expect(error?.code == .unsent, "\(status)")
      #expect(error?.retryAfter.map { $0 <= .seconds(3) } == true)
    }
    let patience = ProviderError(code: .unexpectedStatus, call: "c", httpStatus: 429, retryAfter: .seconds(30))
    let error = try await lastError(patience, calls: 2)
    #expect(error?.code == .unsent)
    #expect(error?.retryAfter.map { $0 > .seconds(29) && $0 < .seconds(31) } == true)
  }
}
