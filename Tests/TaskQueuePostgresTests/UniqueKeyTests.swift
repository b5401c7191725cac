import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Unique keys on PostgreSQL")
struct UniqueKeyTests {
  @Test(
    "Concurrent duplicates give one task and everybody its id",
    arguments: [UniqueKey.Mode.keepExisting, .coalesce]
  )
  func concurrentDuplicates(mode: UniqueKey.Mode) async throws {
    try await withStore { store in
      let results = try await withThrowingTaskGroup(of: EnqueueResult.self) { group in
        for index in 0..<40 {
          group.addTask { try await store.add("\(index)") { $0.unique = UniqueKey("k", mode: mode) } }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(results.map(\.id)).count == 1)
      #expect(results.count { $0.isNew } == 1)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task") == 1)
    }
  }

  @Test("Two tasks with one key in one bulk behave as two calls")
  func twiceInOneBulk() async throws {
    try await withStore { store in
      let texts = ["a", "b", "c"]
      let results = try await store.enqueue(
        texts.map { text in
          try NewTask(
            Note(text: text),
            options: .with { if text != "b" { $0.unique = UniqueKey("k", mode: .replace) } }
          )
        }
      )
      #expect(results.map(\.isNew) == [true, true, false])
      #expect(results[0].id == results[2].id)
      #expect(results[0].id < results[1].id)
      #expect(try await store.claimAll().map(\.text) == ["c", "b"])
    }
  }

  @Test("An event for a held task makes it run once more, whatever the outcome", arguments: [true, false])
  func coalesceWhileHeld(completes: Bool) async throws {
    try await withStore { store in
      let first = try await store.add("a") { $0.unique = UniqueKey("k", mode: .coalesce) }
      let claim = try await store.claimAll()[0].claim
      let second = try await store.add("b") { $0.unique = UniqueKey("k", mode: .coalesce) }
      #expect(second == EnqueueResult(id: first.id, isNew: false))
      #expect(try await store.settle(claim, completes ? .complete : .bury(.discarded, detail: nil, nil)))
      let again = try await store.claimAll()
      #expect(again.map(\.attempt) == [1])
      #expect(again.map(\.text) == ["a"])
      #expect(try await store.settle(again[0].claim, .complete))
      #expect(try await store.claimAll().isEmpty)
    }
  }

  @Test("Coalescing pulls a waiting task forward, never back")
  func coalescePullsForward() async throws {
    try await withStore { store in
      let key = UniqueKey("k", mode: .coalesce)
      func add(_ delay: Int) async throws -> TaskID {
        try await store.add("x") {
          $0.unique = key
          $0.schedule = .after(.seconds(delay))
        }.id
      }
      let id = try await add(100)
      let due = try await store.task(id)?.dueAt
      #expect(try await add(200) == id)
      #expect(try await store.task(id)?.dueAt == due)
      #expect(try await add(0) == id)
      #expect(try await store.claimAll().count == 1)
    }
  }

  @Test("A key with a period covers the finished task, then a new one takes its place")
  func period() async throws {
    try await withStore { store in
      let key = UniqueKey("k", periodAfterCompletion: .seconds(60))
      let first = try await store.add("a") { $0.unique = key }
      #expect(try await store.settle(store.claimAll()[0].claim, .complete))
      #expect(try await store.add("b") { $0.unique = key } == EnqueueResult(id: first.id, isNew: false))
      #expect(try await store.task(first.id) == nil)
      #expect(try await store.claimAll().isEmpty)
      #expect(try await store.dropExpiredKeys() == 0)
      try await store.pool.query("UPDATE taskqueue.task SET due_at = now() - interval '1 s'")
      let second = try await store.add("c") { $0.unique = key }
      #expect(second.isNew && second.id > first.id)
      #expect(try await store.settle(store.claimAll()[0].claim, .complete))
      try await store.pool.query("UPDATE taskqueue.task SET due_at = now() - interval '1 s'")
      #expect(try await store.dropExpiredKeys() == 1)
    }
  }

  @Test("A dead letter whose key is taken stays dead")
  func redriveTaken() async throws {
    try await withStore { store in
      let key = UniqueKey("k")
      let first = try await store.add("a") { $0.unique = key }
      #expect(try await store.cancel(first.id) == .cancelled)
      let second = try await store.add("b") { $0.unique = key }
      #expect(try await store.redrive(.all).isEmpty)
      #expect(try await store.cancel(second.id) == .cancelled)
      #expect(try await store.redrive(.all) == [first.id])
    }
  }

  @Test("deleteDuplicates removes older waiting tasks of the property's value, never a held one")
  func deleteDuplicates() async throws {
    try await withStore { store in
      let held = try await store.add("p1").id
      #expect(try await store.claimAll().count == 1)
      _ = try await store.add("p1")
      _ = try await store.add("p2")
      _ = try await store.add("p1") { $0.priority = 1 }
      let newest = try await store.add("p1").id
      var filter = DuplicateFilter(olderThan: newest, type: "note", property: "text", value: "p1", minPriority: 100)
      #expect(try await store.deleteDuplicates(filter) == 1)
      _ = try await store.enqueue([NewTask(type: "note", json: Data(#"{"text": "\u0000"}"#.utf8))])
      let last = try await store.add("p2").id
      filter.olderThan = last
      filter.value = "p2"
      #expect(try await store.deleteDuplicates(filter) == 1)
      filter.property = "it's"
      #expect(try await store.deleteDuplicates(filter) == 0)
      #expect(try await store.task(held) != nil)
      #expect(try await store.claimAll().map(\.text) == ["p1", "p1", "\0", "p2"])
    }
  }
}
