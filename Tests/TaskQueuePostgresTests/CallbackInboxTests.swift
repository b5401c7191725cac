import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The callback inbox")
struct CallbackInboxTests {
  private func check(_ subject: String, mode: UniqueKey.Mode = .coalesce) throws -> NewTask {
    try NewTask(
      Note(text: subject),
      options: .with {
        $0.unique = UniqueKey("check \(subject)", mode: mode)
        $0.schedule = .after(.seconds(3_600))
      }
    )
  }

  /// What a callback enqueues: the check, now.
  private func wake(_ subject: String) throws -> NewTask {
    try NewTask(Note(text: subject), options: .with { $0.unique = UniqueKey("check \(subject)", mode: .coalesce) })
  }

  private func isAccepted(_ receipt: CallbackReceipt) -> Bool {
    if case .accepted = receipt { true } else { false }
  }

  @Test("Many repeated, reordered and concurrent callbacks: each event counts once, each subject has one task")
  func concurrentCallbacks() async throws {
    try await withStore { store in
      let inbox = CallbackInbox(store: store)
      for subject in 0..<4 { _ = try await store.enqueue([check("\(subject)")]) }
      let deliveries = (0..<40).flatMap { event in Array(repeating: event, count: 5) }.shuffled()
      let accepted = try await withThrowingTaskGroup(of: Bool.self) { group in
        for event in deliveries {
          let task = try wake("\(event % 4)")
          group.addTask {
            isAccepted(try await inbox.receive(.init(source: "provider", id: "event \(event)"), wake: task))
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(accepted == 40)
      #expect(try await store.claimAll().map(\.text).sorted() == ["0", "1", "2", "3"])
      #expect(try await store.number("SELECT count(*) FROM taskqueue.inbox_event") == 40)
    }
  }

  @Test("Backends killed while they receive: a source that repeats until it gets an answer is heard once")
  func killedBackends() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      let inbox = CallbackInbox(store: store)
      let killer = try await LibpqConnection.connect(database.postgresConfiguration)
      let tasks = try (0..<300).map { try wake("\($0)") }
      let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
        for (index, task) in tasks.enumerated() {
          group.addTask {
            while true {
              do {
                return isAccepted(try await inbox.receive(.init(source: "p", id: "\(index)"), wake: task))
              } catch let error as TaskQueueError where error.isRetrySafe { continue }
            }
          }
        }
        for _ in 1...15 {
          try await killer.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
          )
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      // An answer may have been lost after its commit: then the repetition is a duplicate.
      #expect(answers <= 300)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.inbox_event") == 300)
      #expect(Set(try await store.claimAll(1_000).map(\.text)).count == 300)
      await killer.close()
      await store.close()
    }
  }

  @Test("No event falls between remembering it and its subject becoming known")
  func unknownSubjects() async throws {
    try await withStore { store in
      let inbox = CallbackInbox(store: store)
      try await store.pool.executeScript("CREATE TABLE payment (provider_id text PRIMARY KEY)")
      for round in 0..<60 {
        let subject = "pi_\(round)"
        let task = try wake(subject)
        let event = CallbackEvent(source: "p", id: "e\(round)", subject: subject, payload: Data(#"{"n":1}"#.utf8))
        let claimFirst = round.isMultiple(of: 2)
        async let receipt = inbox.receive(event) { transaction in
          let known = try await transaction.query("SELECT FROM payment WHERE provider_id = $1", [.text(subject)])
          return known.rowCount > 0 ? task : nil
        }
        async let claimed = store.pool.withTransaction { transaction in
          var events: [RememberedEvent] = []
          if claimFirst { events += try await inbox.claimEvents(source: "p", subject: subject, in: transaction) }
          _ = try await transaction.query("INSERT INTO payment VALUES ($1)", [.text(subject)])
          if !claimFirst { events += try await inbox.claimEvents(source: "p", subject: subject, in: transaction) }
          return events
        }
        let (result, events) = try await (receipt, claimed)
        if result == .remembered {
          #expect(events.map(\.id) == ["e\(round)"])
          #expect(events.map(\.payload) == [Data(#"{"n":1}"#.utf8)])
        } else {
          #expect(isAccepted(result))
          #expect(events.isEmpty)
        }
        let again = try await store.pool.withTransaction {
          try await inbox.claimEvents(source: "p", subject: subject, in: $0).count
        }
        #expect(again == 0)
      }
    }
  }

  @Test("What would lose or pile up callbacks is refused")
  func refusals() async throws {
    try await withStore { store in
      let inbox = CallbackInbox(store: store)
      let event = CallbackEvent(source: "p", id: "1", subject: "s")
      func code(_ body: () async throws -> Void) async -> TaskQueueError.Code? {
        do { try await body() } catch { return (error as? TaskQueueError)?.code }
        return nil
      }
      for task in [try check("s", mode: .keepExisting), try check("s", mode: .replace), try NewTask(Note(text: "x"))] {
        #expect(await code { try await inbox.receive(event, wake: task) } == .invalidOption)
      }
      let task = try wake("s")
      for bad in ["", "a\nb", String(repeating: "x", count: 257)] {
        #expect(await code { try await inbox.receive(.init(source: "p", id: bad), wake: task) } == .invalidName)
        #expect(await code { try await inbox.receive(.init(source: bad, id: "1"), wake: task) } == .invalidName)
      }
      let large = CallbackEvent(source: "p", id: "1", payload: Data(repeating: 0x31, count: 65_537))
      #expect(await code { try await inbox.receive(large, wake: task) } == .payloadTooLarge)
      let subjectless = CallbackEvent(source: "p", id: "1")
      #expect(await code { try await inbox.receive(subjectless) { _ in nil } } == .invalidOption)
      let isolation = LibpqTransactionOptions(isolationLevel: .repeatableRead)
      let error = await code {
        try await store.pool.withTransaction(isolation) {
          _ = try await inbox.claimEvents(source: "p", subject: "s", in: $0)
        }
      }
      #expect(error == .storeFailed)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.inbox_event") == 0)
    }
  }
}
