import Foundation
import Libpq
import SeededRandom
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("Claims behind a position")
struct ScanRangesTests {
  /// Random tasks and a random position: the claim brings exactly what lies behind it, most urgent first.
  @Test("They bring exactly the tasks behind it, in order", arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func behind(seed: UInt64) async throws {
    try await withStore { store in
      var generator = SeededGenerator(seed: seed)
      let queues: [QueueName] = ["a", "b"]
      for _ in 0..<60 {
        _ = try await store.add("task") {
          $0.queue = Bool.random(using: &generator) ? "a" : "b"
          $0.priority = [-32_768, 1, 2, 100, 32_767].randomElement(using: &generator) ?? 1
        }
      }
      // Few due times, so that ids decide, too.
      _ = try await store.pool.query(
        "UPDATE taskqueue.task SET due_at = now() - interval '1 h' + (id / 7) % 4 * interval '1 min'"
      )
      var position = ScanPosition()
      let all = try await store.claimAll(100, queues: queues)
      #expect(all.count == 60)
      _ = try await store.exchange(settle: all.map { Settlement($0.claim, .release) }, claim: nil)
      let passed = all.filter { _ in Int.random(in: 0..<6, using: &generator) == 0 }
      position.advance(over: passed, isCutShort: true, from: position)

      func isBehind(_ task: ClaimedTask) -> Bool {
        guard let bound = position.bounds(of: task.queue).first(where: { $0.priority == task.priority }) else {
          return true
        }
        return (bound.dueAt, bound.id) < (task.dueAt, task.claim.id)
      }
      var request = ClaimRequest(queues: queues, types: ["note"], limit: 100, lease: .seconds(60), promotesDue: false)
      request.scope = .after(position)
      request.expectsBacklog = Bool.random(using: &generator)
      let claimed = try await store.exchange(settle: [], claim: request).claimed
      #expect(claimed.map(\.claim.id) == all.filter(isBehind).map(\.claim.id))
    }
  }

  @Test("A look at everything finds the rest, but is left to one worker of a kind at a time")
  func rescans() async throws {
    try await withStore { store in
      let first = try await store.add("one").id
      _ = try await store.pool.query("UPDATE taskqueue.task SET due_at = now() - interval '1 h'")
      var request = ClaimRequest(queues: [.default], types: ["note"], limit: 9, lease: .seconds(60), promotesDue: false)
      let found = try await store.exchange(settle: [], claim: request)
      var position = ScanPosition()
      position.advance(over: found.claimed, isCutShort: false, from: position)
      _ = try await store.settle(found.claimed[0].claim, .release)

      request.scope = .after(position)
      #expect(try await store.exchange(settle: [], claim: request).claimed.isEmpty)
      request.scope = .rescan(position)
      let other = ClaimRequest(
        queues: ["other"],
        types: ["note"],
        limit: 9,
        lease: .seconds(60),
        promotesDue: false,
        scope: .rescan(position)
      )
      try await store.pool.withTransaction { transaction in
        // Another worker in the middle of its look.
        let ranges = ScanRanges(queues: [.default], scope: request.scope)
        let parameters: [LibpqValue] = [
          .textArray(["default"]), .textArray(["note"]), .int4(0), .int8(1), .interval(.seconds(60)),
        ]
        _ = try await transaction.query(store.statements.claim(parameters + ranges.parameters + [.null, .bool(false)]))
        let competing = try await store.exchange(settle: [], claim: request)
        #expect(competing.claimed.isEmpty)
        #expect(!competing.lookedAtEverything)
        #expect(competing.lookTook != nil)
        _ = try await store.exchange(settle: [], claim: other)
      }
      let looked = try await store.exchange(settle: [], claim: request)
      #expect(looked.claimed.map(\.claim.id) == [first])
      #expect(looked.lookedAtEverything)
      #expect(looked.lookTook.map { $0 > .zero && $0 < .seconds(10) } == true)
      #expect(looked.storeTime == nil)
      request.promotesDue = true
      let promoted = try await store.exchange(settle: [], claim: request)
      #expect(promoted.claimed.isEmpty && promoted.lookedAtEverything && promoted.lookTook != nil)
      #expect(promoted.storeTime.map { abs($0.timeIntervalSinceNow) < 60 } == true)
    }
  }

  @Test("A claim stops when the payloads have enough bytes, and says that there is more")
  func bytes() async throws {
    try await withStore { store in
      let large = String(repeating: "x", count: 1_000_000)
      _ = try await store.enqueue((0..<12).map { _ in try NewTask(Note(text: large)) })
      let request = ClaimRequest(
        queues: [.default],
        types: ["note"],
        limit: 100,
        lease: .seconds(60),
        promotesDue: false
      )
      let first = try await store.exchange(settle: [], claim: request)
      #expect(first.claimed.count == 5)
      #expect(first.mayHaveMore)
      let second = try await store.exchange(settle: [], claim: request)
      let third = try await store.exchange(settle: [], claim: request)
      #expect(second.claimed.count + third.claimed.count == 7)
      #expect(!third.mayHaveMore)
    }
  }
}
