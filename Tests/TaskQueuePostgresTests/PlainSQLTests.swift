import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Enqueueing from plain SQL")
struct PlainSQLTests {
  @Test("S12 psql enqueues with every option")
  func psql() async throws {
    try await withStore { store in
      let output = try await Psql.run(
        store.configuration.connection.connectionString,
        [
          "-c",
          """
          SELECT taskqueue.enqueue('note', '{"text": "from psql"}', queue => 'q', priority => 7, unique_key => 'k',
            max_attempts => 3, headers => '{"a": "b"}', deadline => '2100-01-01Z')
          """,
        ]
      )
      #expect(output.status == 0, "\(output.errors)")
      let task = try #require(try await store.claimAll(queues: ["q"]).first)
      #expect(output.text == "\(task.claim.id)")
      #expect(task.text == "from psql")
      #expect((task.priority, task.maxAttempts, task.headers) == (7, 3, ["a": "b"]))
      #expect(task.deadline == Date(timeIntervalSince1970: 4_102_444_800))
    }
  }

  @Test("S12 A trigger enqueues in its statement's transaction")
  func trigger() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        CREATE TABLE orders (id bigint PRIMARY KEY);
        CREATE FUNCTION on_order() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM taskqueue.enqueue('note', json_build_object('text', NEW.id::text));
          RETURN NULL;
        END $$;
        CREATE TRIGGER on_order AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION on_order();
        """
      )
      try await store.pool.executeScript(
        "BEGIN; INSERT INTO orders VALUES (1); ROLLBACK; INSERT INTO orders VALUES (2), (3)"
      )
      #expect(try await store.claimAll().map(\.text) == ["2", "3"])
    }
  }

  @Test("S12 INSERT … SELECT works through the function and straight into the table")
  func insertSelect() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        CREATE TABLE enqueued (id bigint);
        INSERT INTO enqueued SELECT taskqueue.enqueue('note', json_build_object('text', i::text), delay => interval '0')
          FROM generate_series(1, 3) AS i;
        INSERT INTO taskqueue.task (type, payload) SELECT 'note', json_build_object('text', i::text)
          FROM generate_series(4, 2000) AS i;
        """
      )
      let texts = try await store.claimAll(2000).map(\.text)
      #expect(texts == (1...2000).map(String.init))
      #expect(try await store.number("SELECT count(*) FROM enqueued") == 3)
    }
  }

  @Test(
    "Bad values are refused with SQLSTATE 22023 and a sentence",
    arguments: [
      "type => '', payload => '{}'", "type => 'a', payload => NULL", "type => E'a\\tb', payload => '{}'",
      "type => 'a', payload => '{}', priority => 40000", "type => 'a', payload => '{}', queue => ''",
      "type => 'a', payload => '{}', max_attempts => 0", "type => 'a', payload => '{}', unique_mode => 'other'",
      "type => 'a', payload => '{}', unique_period => '1 h'", "type => 'a', payload => '{}', headers => '[]'",
      "type => 'a', payload => '{}', delay => '1 h', due_at => now()",
      "type => 'a', payload => json_build_object('x', repeat('y', 4200000))",
    ]
  )
  func refusals(arguments: String) async throws {
    try await withStore { store in
      let error = await #expect(throws: LibpqError.self) {
        try await store.pool.query("SELECT taskqueue.enqueue(\(arguments))")
      }
      #expect(error?.sqlState == "22023")
      #expect(error?.message.hasPrefix("TaskQueue: ") == true)
      let counts = try await store.counts()
      #expect(counts.isEmpty)
    }
  }

  @Test("S12 The table itself refuses rows that no worker could handle")
  func constraints() async throws {
    try await withStore { store in
      for row in ["'', '{}', 'q'", "'a', '{}', ''", "E'a\\x01', '{}', 'q'"] {
        let error = await #expect(throws: LibpqError.self) {
          try await store.pool.query("INSERT INTO taskqueue.task (type, payload, queue) VALUES (\(row))")
        }
        #expect(error?.sqlState == "23514")
      }
    }
  }

  @Test("S21 Headers and retry policies of another shape do not stop the loop")
  func oddRows() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        INSERT INTO taskqueue.task (type, payload, headers, retry) VALUES ('note', '[1]', '{"a": 1}', '"x"');
        INSERT INTO taskqueue.task (type, payload, retry) VALUES ('note', '{"text": "good"}', '{"baseSeconds": -1}');
        """
      )
      let tasks = try await store.claimAll()
      #expect(tasks.map(\.text) == ["?", "good"])
      #expect(tasks.allSatisfy { $0.headers.isEmpty && $0.retry == nil })
    }
  }

  @Test("A temporary table called task hides nothing")
  func temporaryTable() async throws {
    try await withStore { store in
      let output = try await Psql.run(
        store.configuration.connection.connectionString,
        ["-c", "CREATE TEMP TABLE task (x int)", "-c", "SELECT taskqueue.enqueue('note', '{\"text\": \"x\"}')"]
      )
      #expect(output.status == 0, "\(output.errors)")
      #expect(try await store.claimAll().count == 1)
    }
  }
}
