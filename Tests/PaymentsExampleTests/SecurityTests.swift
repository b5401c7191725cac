import ArgumentParser
import Dispatch
import Foundation
import Libpq
import NIOHTTP1
import Synchronization
import TaskQueueHTTP
import TaskQueuePostgres
import Testing

@testable import PaymentsExample
@testable import payments

@Suite("The trust boundary")
struct SecurityTests {
  @Test("The database has no key that anybody could use, only its hash")
  func hashes() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let key = try await fixture.addKey("shop", [.read])
      let row = try await fixture.store.pool.query("SELECT api_key::text, hash FROM payments.api_key")[0]
      let secret = try #require(key.text.split(separator: "_", maxSplits: 2).last)
      #expect(try !row.text(0).contains(secret))
      #expect(try row.data(1) == key.hash)
      #expect(key.hash.count == 32)
    }
  }

  /// Takes until somebody opens the gate, as text that is hard to read would.
  private struct Slow: Decodable, Sendable {
    static let gate = DispatchSemaphore(value: 0)
    static let begun = Mutex(0)

    init(from decoder: any Decoder) throws {
      Self.begun.withLock { $0 += 1 }
      Self.gate.wait()
    }
  }

  @Test("Text that takes long to read holds up none of the threads that serve others", .timeLimit(.minutes(1)))
  func readsApart() async throws {
    let long = Data("[\(String(repeating: "0,", count: StrictJSON.inlineBytes))0]".utf8)
    // More than there are threads to serve.
    let count = 2 * ProcessInfo.processInfo.activeProcessorCount + 2
    try await PaymentsFixture.with(works: false) { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 1...count { group.addTask { _ = try await StrictJSON.read(Slow.self, from: long) } }
        while Slow.begun.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(10)) }
        for number in 1...20 {
          let answer = try await fixture.post("/payments", PaymentsFixture.body, key: "k\(number)")
          #expect(answer.status == 202)
        }
        #expect(Slow.begun.withLock { $0 } == 1, "one after the other, on one core")
        for _ in 1...count { Slow.gate.signal() }
        try await group.waitForAll()
      }
    }
  }

  @Test("No service is reached beyond this machine without TLS, unless somebody says so")
  func outgoing() throws {
    for option in ["--account-url", "--fraud-url", "--order-url", "--delivery-url"] {
      let plain = try ServiceOptions.parse([option, "http://service.example"])
      #expect(throws: CommandError.self, "\(option)") { try plain.check(isInsecure: false) }
      try plain.check(isInsecure: true)
      try ServiceOptions.parse([option, "https://service.example"]).check(isInsecure: false)
      try ServiceOptions.parse([option, "http://127.0.0.1:1"]).check(isInsecure: false)
    }
  }
}
