import Libpq
import Outbox
import SeededRandom
import Synchronization
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Delivering events", .database)
struct PublishTests {
  @Test(
    "A receiver that refuses, loses answers and hangs gets every event, in order, repetitions under the same id",
    arguments: [1, 2] as [UInt64]
  )
  func hostileReceiver(seed: UInt64) async throws {
    let generator = Mutex(SeededGenerator(seed: seed))
    let transport = RecordingTransport { _, _ in
      switch generator.withLock({ Int.random(in: 0..<20, using: &$0) }) {
      case 0..<5: .refused
      case 5..<10: .answerLost
      case 10: .hangs
      default: .taken
      }
    }
    try await Shop.with(transport) { shop in
      try await shop.publishing {
        for _ in 1...10 {
          for aggregate in 1...10 { try await shop.append("\(aggregate)") }
        }
        try await shop.allPublished()
        for aggregate in 1...10 { transport.expectAll("\(aggregate)", 10) }
        #expect(transport.arrived.count > 100, "some came twice")
        #expect(Set(transport.arrived.map(\.id)).count == 100)
      }
    }
  }

  @Test("A receiver that hangs is left after the time limit, and holds up nobody else")
  func hangs() async throws {
    let transport = RecordingTransport { event, delivery in
      event.aggregateID == "stuck" && delivery <= 2 ? .hangs : .taken
    }
    try await Shop.with(transport) { shop in
      try await shop.publishing {
        try await shop.append("stuck")
        for number in 1...20 { try await shop.append("\(number)") }
        try await shop.allPublished()
        #expect(transport.arrived.filter { $0.aggregateID == "stuck" }.count == 3)
        #expect(Set(transport.arrived.map(\.id)).count == 21)
      }
    }
  }

  @Test("A poison event holds up its own aggregate only, loudly, until a person skips it")
  func poison() async throws {
    let transport = RecordingTransport { event, _ in event.type == "poison" ? .refused : .taken }
    let log = LineRecorder()
    try await Shop.with(transport) { shop in
      try await shop.publishing(logger: log.logger) {
        try await shop.append("7", "fine")
        let poison = try #require(try await shop.append("7", "poison"))
        try await shop.append("7", "after")
        for number in 8...20 { try await shop.append("\(number)") }
        try await eventually("all others are published") { try await shop.count("published_at IS NULL") == 2 }
        try await eventually("it is told") {
          log.warnings.contains("An event is not taken; its aggregate's events wait")
        }
        #expect(transport.firsts("7").map(\.type) == ["fine"])
        #expect(try await shop.outbox.stuck(longerThan: .zero, in: shop.pool).map(\.id) == [poison])
        let backlog = try await shop.outbox.backlog(in: shop.pool)
        #expect(backlog.count == 2)
        let row = try await shop.pool.query("SELECT events, first_id::text, first_sequence FROM shop.outbox_waiting")
        #expect(row.rowCount == 1)
        #expect(try row[0].int8(0) == 2)
        #expect(try row[0].text(1) == poison)
        #expect(try await shop.outbox.skip(poison, reason: "the receiver cannot read it", in: shop.pool))
        try await shop.allPublished()
        #expect(transport.firsts("7").map(\.type) == ["fine", "after"])
        #expect(try await shop.count("skip_reason = 'the receiver cannot read it' AND type = 'poison'") == 1)
        #expect(try await !shop.outbox.skip(poison, reason: "again", in: shop.pool))
      }
    }
  }

  @Test("Skipping does not wait for the attempt's backoff")
  func skipWakes() async throws {
    let transport = RecordingTransport { event, _ in event.type == "poison" ? .refused : .taken }
    try await Shop.with(transport) { shop in
      try await shop.publishing(.init(firstRetry: .seconds(3_600), maxRetry: .seconds(3_600))) {
        let poison = try #require(try await shop.append("7", "poison"))
        try await eventually("it is refused") { try await shop.tasks().first?.failures == 1 }
        try await shop.append("7", "after")
        try await shop.outbox.skip(poison, reason: "never", in: shop.pool)
        try await eventually("the next one arrives") { transport.firsts("7").map(\.type) == ["after"] }
      }
    }
  }

  @Test("More events than a batch are delivered in order, each by a batch that begins with no failures")
  func batches() async throws {
    // Each event is refused once: counted together, the backoff would grow to hours.
    let transport = RecordingTransport { _, delivery in delivery == 1 ? .refused : .taken }
    try await Shop.with(transport) { shop in
      try await shop.pool.query("SELECT shop.outbox_append('order', '7', 't', '{}') FROM generate_series(1, 60)")
      let configuration = OutboxPublisherConfiguration(
        firstRetry: .milliseconds(1),
        maxRetry: .seconds(3_600),
        batch: 7
      )
      try await shop.publishing(configuration) {
        try await shop.allPublished()
        transport.expectAll("7", 60)
      }
    }
  }

  @Test("A long transaction that commits a lower number late holds up its aggregate: nothing is lost or passes it by")
  func lateCommit() async throws {
    try await Shop.with { shop in
      try await shop.publishing {
        try await withThrowingTaskGroup(of: Void.self) { group in
          let appended = Mutex(false)
          group.addTask {
            try await shop.pool.withTransaction { transaction in
              try await shop.append("7", "slow", in: transaction)
              appended.withLock { $0 = true }
              try await Task.sleep(for: .seconds(1))
            }
          }
          try await eventually("the slow one is written") { appended.withLock { $0 } }
          // It waits for the slow one's commit.
          group.addTask { try await shop.append("7", "fast") }
          try await shop.append("8")
          try await eventually("others go on") { shop.transport.firsts("8").count == 1 }
          #expect(shop.transport.firsts("7").isEmpty)
          try await group.waitForAll()
        }
        try await shop.allPublished()
        #expect(shop.transport.firsts("7").map(\.type) == ["slow", "fast"])
      }
    }
  }

  @Test("An event that is written while its aggregate's task runs is seen by it or by its next run")
  func whileRunning() async throws {
    try await Shop.with { shop in
      try await shop.publishing {
        for _ in 1...200 { try await shop.append("7") }
        try await shop.allPublished()
        shop.transport.expectAll("7", 200)
      }
    }
  }
}
