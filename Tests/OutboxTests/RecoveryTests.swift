import Libpq
import Outbox
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Events that lost their task, and old ones", .database)
struct RecoveryTests {
  @Test("A task that was cancelled, purged or lost by a restore is made again; others and their backoff stay")
  func lostTasks() async throws {
    try await Shop.with { shop in
      let count = EventOutbox.page + 3
      try await shop.pool.query(
        "SELECT shop.outbox_append('order', n::text, 't', '{}') FROM generate_series(1, $1) AS n",
        [.int8(Int64(count))]
      )
      try await shop.append("kept")
      try await shop.pool.query(
        "UPDATE taskqueue.task SET ready = false, due_at = now() + interval '1 hour' WHERE unique_key LIKE '%:kept'"
      )
      try await shop.pool.query("DELETE FROM taskqueue.task WHERE unique_key NOT LIKE '%:kept'")
      #expect(try await shop.outbox.recover(longerThan: .seconds(3_600), in: shop.pool) == 0, "they are not old enough")
      #expect(try await shop.outbox.recover(longerThan: .zero, in: shop.pool) == EventOutbox.page)
      #expect(try await shop.outbox.recover(longerThan: .zero, in: shop.pool) == 3)
      #expect(try await shop.outbox.recover(longerThan: .zero, in: shop.pool) == 0)
      let row = try await shop.pool.query(
        "SELECT count(*), count(*) FILTER (WHERE due_at > now() + interval '50 minutes') FROM taskqueue.task"
      )[0]
      #expect(try row.int8(0) == Int64(count + 1))
      #expect(try row.int8(1) == 1)
    }
  }

  @Test("An event whose task became a dead letter is found by the upkeep and published")
  func deadLetter() async throws {
    let transport = RecordingTransport { _, delivery in delivery == 1 ? .refused : .taken }
    try await Shop.with(transport) { shop in
      try await shop.append("7")
      try await shop.pool.query("UPDATE taskqueue.task SET max_attempts = 1")
      try await shop.publishing {
        try await eventually("it is a dead letter") { try await shop.client.deadLetters(.all).count == 1 }
        #expect(try await shop.tasks().isEmpty)
        let upkeep = OutboxUpkeep(
          shop.outbox,
          pool: shop.pool,
          interval: .milliseconds(50),
          recoveryAge: .zero,
          logger: LineRecorder().logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await upkeep.run() }
          try await shop.allPublished()
          group.cancelAll()
        }
        transport.expectAll("7", 1)
      }
    }
  }

  @Test("Published events are removed after their period, a page at a time; waiting ones stay, and numbers go on")
  func purges() async throws {
    try await Shop.with { shop in
      try await shop.pool.query(
        "SELECT shop.outbox_append('order', '7', 't', '{}') FROM generate_series(1, $1)",
        [.int8(Int64(EventOutbox.page + 10))]
      )
      try await shop.pool.query(
        """
        UPDATE shop.outbox SET at = now() - interval '90 days', published_at = CASE
          WHEN sequence <= $1 THEN now() - interval '8 days' WHEN sequence <= $1 + 4 THEN now() - interval '6 days' END
        """,
        [.int8(Int64(EventOutbox.page + 1))]
      )
      let week = Duration.seconds(7 * 86_400)
      #expect(try await shop.outbox.purge(olderThan: week, in: shop.pool) == EventOutbox.page)
      #expect(try await shop.outbox.purge(olderThan: week, in: shop.pool) == 1)
      #expect(try await shop.outbox.purge(olderThan: week, in: shop.pool) == 0)
      #expect(try await shop.count("published_at IS NULL") == 5)
      #expect(try await shop.count() == 9)
      while try await shop.outbox.purge(olderThan: .zero, in: shop.pool) > 0 {}
      #expect(try await shop.count() == 5)
      try await shop.pool.query("DELETE FROM shop.outbox")
      try await shop.append("7")
      #expect(try await shop.waiting("7").map(\.sequence) == [Int64(EventOutbox.page + 11)])
    }
  }
}
