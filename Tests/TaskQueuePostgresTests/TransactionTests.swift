import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Tasks in the app's transactions")
struct TransactionTests {
  struct Stop: Error {}

  @Test("S11 A rolled-back savepoint leaves nothing, and what was before it stays")
  func savepoint() async throws {
    try await withStore { store in
      try await store.pool.withTransaction { transaction in
        try await TaskClient(store: store).enqueue(all: [Note(text: "a"), Note(text: "b")], in: transaction)
        await #expect(throws: Stop.self) {
          try await transaction.withSavepoint {
            try await TaskClient(store: store).enqueue(Note(text: "inner"), in: transaction)
            throw Stop()
          }
        }
      }
      #expect(try await store.claimAll().map(\.text) == ["a", "b"])
    }
  }

  @Test("S1 Completion, business rows and follow-up tasks commit together or not at all")
  func completion() async throws {
    try await withStore { store in
      try await store.pool.executeScript("CREATE TABLE effect (id bigint)")
      _ = try await store.add("x")
      let claim = try await store.claimAll()[0].claim
      await #expect(throws: Stop.self) {
        try await TaskClient(store: store).withCompletion(of: claim) { transaction in
          try await transaction.query("INSERT INTO effect VALUES (1)")
          throw Stop()
        }
      }
      #expect(try await store.number("SELECT count(*) FROM effect") == 0)
      try await store.pool.withTransaction { transaction in
        try await transaction.query("INSERT INTO effect VALUES (1)")
        try await TaskClient(store: store).enqueue(Note(text: "next"), in: transaction)
        try await TaskClient(store: store).complete(claim, in: transaction)
        #expect(transaction.transactionID != nil)
      }
      #expect(try await store.number("SELECT count(*) FROM effect") == 1)
      #expect(try await store.claimAll().map(\.text) == ["next"])
    }
  }

  /// Ends the session that commits, before its commit.
  private static let killAtCommit = """
    CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$;
    CREATE TABLE effect (id bigint);
    CREATE CONSTRAINT TRIGGER kill AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION kill();
    """

  @Test("S28 A connection lost during COMMIT is looked up: rolled back is a failure that may be retried")
  func lostCommit() async throws {
    try await withStore { store in
      try await store.pool.executeScript(Self.killAtCommit)
      _ = try await store.add("x")
      let claim = try await store.claimAll()[0].claim
      let error = await #expect(throws: TaskQueueError.self) {
        try await TaskClient(store: store).withCompletion(of: claim) { transaction in
          try await transaction.query("INSERT INTO effect VALUES (1)")
        }
      }
      #expect(error?.code == .storeFailed)
      #expect(error?.isRetrySafe == true)
      try await TaskClient(store: store).withCompletion(of: claim) { _ in }
      #expect(try await store.counts().isEmpty)
    }
  }

  @Test("S28 An enqueue whose connection is lost reports an unknown outcome or a safe retry, never a plain failure")
  func lostEnqueue() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER kill AFTER INSERT ON taskqueue.task DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION kill();
        """
      )
      let error = await #expect(throws: TaskQueueError.self) { try await store.add("x") }
      #expect(error?.code == .outcomeUnknown || error?.isRetrySafe == true)
      try await store.pool.query("DROP TRIGGER kill ON taskqueue.task")
      #expect(try await store.counts().isEmpty)
      _ = try await store.add("x")
    }
  }
}
