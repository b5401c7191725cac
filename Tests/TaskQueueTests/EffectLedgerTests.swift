import Foundation
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
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

  @Test("A success without a value is refused: a flow would get nothing for one", arguments: ["", " \n"])
  func successWithoutValue(json: String) async throws {
    let client = TaskClient(store: InMemoryTaskStore())
    let calls: [@Sendable () async throws -> Void] = [
      { _ = try await client.resolveEffect("charge", of: TaskID(1), as: .succeeded(Data(json.utf8))) },
      {
        _ = try await client.operating(as: "ann").resolveEffect(
          "charge",
          of: TaskID(1),
          as: .succeeded(Data(json.utf8))
        )
      },
    ]
    for call in calls {
      let error = await #expect(throws: TaskQueueError.self) { try await call() }
      #expect(error?.code == .invalidOption && error?.message.contains("has a value") == true)
    }
    #expect(try await client.resolveEffect("charge", of: TaskID(1), as: .succeeded(Data("null".utf8))) == .unknown)
  }

  @Test("Every check has a name of its own that begins with a line of the contract")
  func checkNames() {
    let names = EffectLedgerConformance.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.wholeMatch(of: /S\d+ .+[^.]/) != nil })
  }
}
