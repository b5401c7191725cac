import Foundation
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueTestKit
import Testing

@Suite("The in-memory ledger of effects")
struct EffectLedgerTests {
  @Test("The in-memory ledger keeps the contract of every ledger", arguments: EffectLedgerConformance.all)
  func conforms(to check: EffectLedgerConformance.Check) async throws {
    try await check.run(on: InMemoryStoreHarness())
  }

  @Test(
    "A provider without idempotency executes once, whatever crashes, is lost or comes late",
    arguments: (1...1_000).map(UInt64.init)
  )
  func model(seed: UInt64) async throws {
    try await EffectModelRun.run(seed: seed, on: InMemoryStoreHarness())
  }

  @Test("Every check has a name of its own that begins with a line of the contract")
  func checkNames() {
    let names = EffectLedgerConformance.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.wholeMatch(of: /S\d+ .+[^.]/) != nil })
  }
}
