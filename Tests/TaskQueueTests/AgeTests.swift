import Foundation
@_spi(Store) import TaskQueue
import TaskQueueInMemory
import Testing

@Suite("Ages and times to keep things")
struct AgeTests {
  private func refused(_ body: () async throws -> Void) async {
    let error = await #expect(throws: TaskQueueError.self) { try await body() }
    #expect(error?.code == .invalidOption)
  }

  @Test("S39 An age below zero, which everything has, is refused; one beyond every calendar is no age of anything")
  func ages() async throws {
    let client = TaskClient(store: InMemoryTaskStore())
    let past = DeadLetterFilter(olderThan: .seconds(-1))
    await refused { _ = try await client.deadLetters(past) }
    await refused { _ = try await client.redrive(past) }
    await refused { _ = try await client.purge(past) }
    await refused { _ = try await client.purgeEffects(olderThan: .seconds(-1)) }
    await refused { _ = try await client.unsettledEffects(olderThan: .seconds(-1)) }
    #expect(try await client.unsettledEffects(olderThan: .seconds(1e18)).isEmpty)
    #expect(try await client.purgeEffects(olderThan: .seconds(1e18)) == 0)
  }

  @Test("S39 An inbox that would keep nothing, or for longer than 100 years, is refused", arguments: [0, -1, 1e12])
  func retention(seconds: Double) async throws {
    let inbox = CallbackInbox(store: InMemoryTaskStore(), retention: .seconds(seconds))
    var options = EnqueueOptions()
    options.unique = UniqueKey("k", mode: .coalesce)
    let task = try NewTask(type: "t", json: Data("{}".utf8), options: options)
    await refused { _ = try await inbox.receive(.init(source: "s", id: "1"), wake: task) }
  }

  @Test("S39 An alarm for outcomes unknown for longer than any calendar is refused")
  func unknownAfter() {
    var configuration = AlarmMonitorConfiguration()
    configuration.unknownAfter = .seconds(1e12)
    #expect(throws: TaskQueueError.self) { try configuration.validate() }
  }

  @Test(
    "S38 What an effect could not record, as the store was away, is no failure of its task",
    arguments: [true, false]
  )
  func passingEffect(isPassing: Bool) {
    let cause = TaskQueueError(.storeFailed, "away", isRetrySafe: isPassing)
    #expect(EffectError(.outcomeUnknown, "charge", "later", underlying: cause).isPassing == isPassing)
    #expect(!EffectError(.parked, "charge", "a person", underlying: cause).isPassing)
  }
}
