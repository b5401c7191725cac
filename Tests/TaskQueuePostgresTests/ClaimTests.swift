import Foundation
import Libpq
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueue
@_spi(Store) @testable import TaskQueuePostgres

@Suite("Claims that run at the same time", .serialized)
struct ClaimTests {
  /// As a busy worker sends it; the ids come in order.
  private static func claim(_ count: Int, hasBacklog: Bool = true) -> String {
    """
    SELECT id FROM taskqueue._claim('{default}', '{note}', \(count), 1000000, '1 min', '{1}', '{2}', '{-32769,100}',
      '{-infinity,2020-01-01}', '{0,0}', '{100,32768}', has_backlog => \(hasBacklog)) ORDER BY id
    """
  }

  private func ids(_ result: LibpqResult) throws -> [Int64] { try result.rows.map { row throws in try row.int8(0) } }

  private func add(_ count: Int, to store: PostgresTaskStore) async throws -> [Int64] {
    try await store.enqueue((0..<count).map { try NewTask(Note(text: "\($0)")) }).map(\.id.rawValue)
  }

  /// Runs the body with two sessions of their own.
  private func withSessions(
    _ body: (PostgresTaskStore, LibpqConnection, LibpqConnection) async throws -> Void
  ) async throws {
    try await withStore { store in
      let one = try await LibpqConnection.connect(store.configuration.connection)
      let other = try await LibpqConnection.connect(store.configuration.connection)
      try await body(store, one, other)
      await one.close()
      await other.close()
    }
  }

  @Test("What another one takes meanwhile is neither taken nor locked by a claim of many")
  func takenMeanwhile() async throws {
    try await withSessions { store, slow, holder in
      let ids = try await add(200, to: store)
      // It stops between its first row and its second.
      try await store.pool.executeScript(
        """
        CREATE FUNCTION taskqueue.stop(stops boolean) RETURNS int LANGUAGE plpgsql AS $$
        BEGIN
          IF stops THEN
            PERFORM pg_advisory_xact_lock_shared(42);
          END IF;
          RETURN 0;
        END $$;
        DO $$ BEGIN
          EXECUTE replace(pg_get_functiondef('taskqueue._claim'::regproc), 'octet_length(w.payload::text) AS bytes',
            'octet_length(w.payload::text) + stop(w.has_steps) AS bytes');
        END $$;
        UPDATE taskqueue.task SET has_steps = true WHERE id = \(ids[0]);
        """
      )
      _ = try await holder.query("SELECT pg_advisory_lock(42)")
      _ = try await slow.query("BEGIN")
      async let claimed = slow.query(LibpqStatement(Self.claim(100)))
      try await eventually("the claim waits") {
        let waiters = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted"
        return try await store.number(waiters) == 1
      }
      // As another claim does. It would wait for ever where the claim has not stopped at its first row.
      try await store.pool.executeScript(
        """
        BEGIN;
        SET LOCAL lock_timeout = '10s';
        UPDATE taskqueue.task SET lease_until = now() + interval '1 min', lease_token = 7 WHERE id BETWEEN \(ids[1]) AND \(ids[49]);
        COMMIT
        """
      )
      _ = try await holder.query("SELECT pg_advisory_unlock(42)")
      #expect(try await self.ids(claimed) == [ids[0]] + ids[50..<149])
      let free = "SELECT id FROM taskqueue.task WHERE id BETWEEN \(ids[1]) AND \(ids[49]) FOR UPDATE SKIP LOCKED"
      #expect(try await holder.query(LibpqStatement(free)).rowCount == 49)
      _ = try await slow.query("ROLLBACK")
    }
  }

  @Test("What somebody has only locked is left as long as there is enough else, and taken where there is not")
  func onlyLocked() async throws {
    try await withSessions { store, writer, other in
      let ids = try await add(20, to: store)
      // Since this one began nobody can tell who has ended.
      _ = try await writer.query("BEGIN")
      _ = try await writer.query("SELECT pg_current_xact_id()")
      _ = try await store.pool.query(LibpqStatement("SELECT id FROM taskqueue.task WHERE id <= \(ids[9]) FOR UPDATE"))
      #expect(try self.ids(try await other.query(LibpqStatement(Self.claim(3)))) == Array(ids[10..<13]))
      #expect(try self.ids(try await other.query(LibpqStatement(Self.claim(20)))) == Array(ids[..<10] + ids[13...]))
      _ = try await writer.query("ROLLBACK")
    }
  }

  @Test("What was locked before is taken in its order, with a backlog or without", arguments: [false, true])
  func lockedBefore(hasBacklog: Bool) async throws {
    try await withSessions { store, other, _ in
      let ids = try await add(20, to: store)
      _ = try await store.pool.query(LibpqStatement("SELECT id FROM taskqueue.task WHERE id <= \(ids[9]) FOR UPDATE"))
      let claim = LibpqStatement(Self.claim(3, hasBacklog: hasBacklog))
      #expect(try self.ids(try await other.query(claim)) == Array(ids[..<3]))
    }
  }
}
