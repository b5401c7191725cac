import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The edges of types")
struct EdgeTests {
  @Test(
    "An instant that is none is refused before anything is sent",
    arguments: [1_700_000_000_000, .nan, .infinity, Date.distantFuture.timeIntervalSince1970] as [Double]
  )
  func instants(secondsSince1970: Double) throws {
    let instant = Date(timeIntervalSince1970: secondsSince1970)
    for change in [
      { @Sendable (options: inout EnqueueOptions) in options.schedule = .at(instant) }, { $0.deadline = instant },
    ] {
      let error = #expect(throws: TaskQueueError.self) { try NewTask(Note(text: "x"), options: .with(change)) }
      #expect(error?.code == .invalidOption)
    }
    #expect(throws: TaskQueueError.self) {
      try NewTask(Note(text: "x"), options: .with { $0.deadline = Date(timeIntervalSince1970: -.infinity) })
    }
    // The past is now.
    _ = try NewTask(Note(text: "x"), options: .with { $0.schedule = .at(.distantPast) })
  }

  @Test(
    "The SQL function refuses them with a reason",
    arguments: [
      ("due_at => 'infinity'", "due_at must be"), ("due_at => '294276-01-01'", "due_at must be"),
      ("due_at => '-infinity'", "due_at must be"), ("deadline => 'infinity'", "a deadline must be"),
      ("deadline => '4001-01-01'", "a deadline must be"), ("delay => '300000 years'", "a delay must be"),
      ("unique_key => 'k', unique_period => '300000 years'", "unique_period must be"),
      ("unique_key => 'k', unique_period => '-5000000 years 1800000001 days'", "unique_period must be"),
      ("delay => '-5000000 years 1800000001 days'", "a delay must be"),
      ("headers => '[1]'", "headers must be"),
      ("headers => '{\"a\": 1}'", "headers must be"), ("headers => '{\"a\": {\"b\": \"c\"}}'", "headers must be"),
      ("retry => '7'", "retry must be"), ("retry => '{\"baseSeconds\": 5}'", "retry must have"),
      (
        "retry => '{\"baseSeconds\": 5, \"factor\": 2, \"capSeconds\": 1e300, \"jitter\": 0}'", "retry needs"
      ), ("retry => '{\"baseSeconds\": \"5\", \"factor\": 2, \"capSeconds\": 9, \"jitter\": 0}'", "retry must have"),
    ]
  )
  func sqlFunction(_ argument: String, _ reason: String) async throws {
    try await withStore { store in
      let error = await #expect(throws: LibpqError.self) {
        _ = try await store.pool.query("SELECT taskqueue.enqueue('note', '{}', \(argument))")
      }
      let message = error?.message ?? ""
      #expect(error?.sqlState == "22023")
      #expect(message.contains(reason), "\(message)")
      let counts = try await store.counts()
      #expect(counts.isEmpty)
    }
  }

  /// One day to a comparison, but no sum with an instant is one.
  private static let mixed = "-5000000 years 1800000001 days"

  @Test("The table refuses a period that ends nowhere, and a queue without a name is not paused")
  func doors() async throws {
    try await withStore { store in
      for sql in [
        "INSERT INTO taskqueue.task (type, payload, unique_key, unique_period) VALUES ('note', '{}', 'k', '300000 years')",
        "INSERT INTO taskqueue.task (type, payload, unique_key, unique_period) VALUES ('note', '{}', 'k', '\(Self.mixed)')",
        "INSERT INTO taskqueue.alarm_rule VALUES ('note', '300000 years')",
        "INSERT INTO taskqueue.alarm_rule VALUES ('note', '\(Self.mixed)')", "SELECT taskqueue.pause_queue('')",
        """
        INSERT INTO taskqueue.effect (task_id, name, task_type, key, request_digest, state, token, call_limit, key_lifetime,
          key_used_at, intended_at, changed_at)
        VALUES (1, 'a', 'note', gen_random_uuid(), sha256(''), 'unknown', 1, '30 s', '-178000000 years', now(), now(), now())
        """,
        "SELECT taskqueue.pause_queue(NULL)", "SELECT taskqueue.redrive(NULL)",
        "SELECT taskqueue.redrive(task_type => NULL)",
        "SELECT taskqueue.redrive(older_than => NULL)", "SELECT taskqueue.purge(NULL)",
      ] {
        await #expect(throws: LibpqError.self, "\(sql)") { try await store.pool.query(sql) }
      }
    }
  }

  @Test("A store's times with which nothing could be done are refused where it is made")
  func times() {
    let changes: [(inout LibpqConfiguration) -> Void] = [
      { $0.connectTimeout = .zero }, { $0.statementTimeout = .zero }, { $0.cancelTimeout = .seconds(-1) },
      { $0.listenProbeInterval = .zero },
    ]
    for change in changes {
      var connection = LibpqConfiguration()
      change(&connection)
      for configuration in [PostgresStoreConfiguration(connection), .init(listenConnection: connection)] {
        #expect(throws: TaskQueueError.self) { try PostgresTaskStore(configuration) }
      }
    }
  }

  /// Rows that no door lets in.
  static let strangeRows = [
    "due_at, ready) VALUES ('note', '{}', 'infinity', false)",
    "due_at, ready) VALUES ('note', '{}', '294276-12-31', false)",
    "due_at, ready) VALUES ('note', '{}', '-infinity', false)", "due_at) VALUES ('note', '{}', 'infinity')",
    "created_at, deadline) VALUES ('note', '{}', '-infinity', '-infinity')",
    "created_at, due_at) VALUES ('note', '{}', '4713-01-01 BC', '4713-01-01 BC')",
    "lease_until, lease_token) VALUES ('note', '{}', 'infinity', 1)",
    "attempt, failures, crashes, lease_token, lease_until) VALUES ('note', '{}', 2147483647, 2147483647, 2147483647, 1, '2020-01-01')",
    "attempt) VALUES ('note', '{}', -2147483648)", "errors) VALUES ('note', '{}', '7')",
    "headers) VALUES ('note', '{}', '{\"a\": 1}')", "retry) VALUES ('note', '{}', '[]')",
    "priority, deadline) VALUES ('note', '{}', -32768, '294276-12-31')",
  ]

  @Test("A row written by hand harms nothing but itself", arguments: strangeRows)
  func byHand(_ row: String) async throws {
    try await withStore { store in
      try await store.pool.query("INSERT INTO taskqueue.alarm_rule VALUES ('note', '1 h')")
      try await store.pool.query("INSERT INTO taskqueue.task (type, payload, \(row)")
      let good = try await store.add("good") { $0.priority = 101 }.id
      let later = try await store.add("later") { $0.schedule = .after(.milliseconds(200)) }.id
      let request = ClaimRequest(queues: [.default], types: ["note"], limit: 9, lease: .seconds(60), promotesDue: true)
      let exchange = try await store.exchange(settle: [], claim: request)
      #expect(exchange.claimed.contains { $0.claim.id == good })
      #expect(exchange.nextDueIn.map { $0 < .seconds(1) } == true)
      #expect(try await store.renew(exchange.claimed.map(\.claim), lease: .seconds(9)).allSatisfy { $0 == .renewed })
      let failures = exchange.claimed.map { Settlement($0.claim, .fail(.sample, retryAfter: .seconds(1e9))) }
      #expect(try await store.exchange(settle: failures, claim: nil).applied.allSatisfy { $0 })
      try await Task.sleep(for: .milliseconds(250))
      #expect(try await store.claimAll().contains { $0.claim.id == later })
      _ = try await store.counts()
      #expect(try await store.tasks(after: nil, limit: 10).count == 3)
      _ = try await store.unhandled(queues: [.default], knownTypes: [])
      _ = try await store.unserved(besides: [], dueFor: .seconds(1), within: .seconds(10))
      _ = try await store.alarms(after: nil, page: 100, limit: 10, unknownAfter: .seconds(1))
      for view in ["live_task", "dead_letter", "overdue", "unsettled_effect"] {
        try await store.pool.query("SELECT * FROM taskqueue.\(view)")
      }
      try await store.pool.query("SELECT taskqueue.cancel(id) FROM taskqueue.task ORDER BY id")
      _ = try await store.alarms(after: nil, page: 100, limit: 10, unknownAfter: .seconds(1))
      try await store.pool.query("SELECT * FROM taskqueue.overdue")
      _ = try await store.redrive(.all)
      _ = try await store.purge(.init(olderThan: .seconds(1e17)))
    }
  }

  /// `json` takes them; `->>`, or a cast to `jsonb`, does not.
  static let strangePayloads = [
    #"{"p": "7", "note": "cut \ud83e"}"#, #"{"p": "7", "note": "\u0000"}"#, #"{"note": "\ude00\ud83d", "p": "7"}"#,
    #"{"p": 1e999999}"#, #"{"p": "\ud83e"}"#, #"{"\ud83e": 1, "p": "7"}"#,
    "{\"p\": \"7\", \"deep\": " + String(repeating: "[", count: 3_000) + String(repeating: "]", count: 3_000) + "}",
    "7", "null",
  ]

  @Test("A payload that is JSON and not text fails no call about others", arguments: strangePayloads, ["on", "off"])
  func payloads(_ payload: String, strings: String) async throws {
    try await withStore { store in
      let old = try await store.enqueue([NewTask(type: "note", json: Data(#"{"p":"7"}"#.utf8))])[0].id
      let strange = try await store.enqueue([NewTask(type: "note", json: Data(payload.utf8))])[0].id
      let new = try await store.enqueue([NewTask(type: "note", json: Data(#"{"p":"7"}"#.utf8))])[0].id
      let filter = DuplicateFilter(olderThan: new, type: "note", property: "p", value: "7")
      let deleted = try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("SET LOCAL standard_conforming_strings = \(strings)")
        return try await store.deleteDuplicates(filter, in: transaction)
      }
      #expect(deleted >= 1)
      #expect(try await store.task(old) == nil)
      try await store.pool.query("SELECT * FROM taskqueue.live_task")
      _ = try await store.unhandled(queues: [.default], knownTypes: [])
      _ = try await store.cancel(new)
      if deleted == 1 {
        #expect(try await store.claimAll().map(\.claim.id) == [strange])
        _ = try await store.cancel(strange)
        try await store.endLeases()
        _ = try await store.cancel(strange)
      }
      #expect(try await store.deadLetters(.all, after: nil, limit: 10).count == 3 - deleted)
      #expect(try await store.redrive(.all).count == 3 - deleted)
    }
  }
}
