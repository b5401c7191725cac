import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// A clock that went back by an hour is a table whose instants are an hour ahead.
@Suite("A clock that went back")
struct ClockTests {
  private static let goBack = """
    UPDATE taskqueue.task SET due_at = due_at + interval '1 h', created_at = created_at + interval '1 h',
      lease_until = CASE WHEN lease_until > 'epoch' THEN lease_until + interval '1 h' ELSE lease_until END
    """

  /// Ways in which a task became ready.
  enum Origin: CaseIterable, Sendable {
    case enqueued, copied, plainSQL, promoted, retried, failed, released, handedBack, runAgain, redriven, pulledForward,
      replaced
  }

  private func make(_ origin: Origin, in store: PostgresTaskStore) async throws {
    func running() async throws -> Claim {
      _ = try await store.add("task") { $0.unique = UniqueKey("k") }
      return try #require(try await store.claimAll().first).claim
    }
    switch origin {
    case .enqueued: _ = try await store.add("task")
    case .copied:
      _ = try await store.enqueue(
        (0..<600).map { try NewTask(Note(text: "\($0)"), options: .with { $0.priority = 7 }) }
      )
    case .plainSQL: try await store.pool.query("INSERT INTO taskqueue.task (type, payload) VALUES ('note', '{}')")
    case .promoted:
      _ = try await store.add("task") { $0.schedule = .after(.seconds(50)) }
      try await store.pool.query(
        "UPDATE taskqueue.task SET due_at = now() - interval '1 s', created_at = now() - interval '1 h'"
      )
      try await store.pool.query("SELECT taskqueue._promote(10)")
    case .retried:
      let id = try await store.add("task") { $0.schedule = .after(.seconds(50)) }.id
      try await store.pool.query("SELECT taskqueue.retry(\(id))")
    case .failed: _ = try await store.settle(try await running(), .fail(.sample, retryAfter: .zero))
    case .released: _ = try await store.settle(try await running(), .release)
    case .handedBack:
      _ = try await store.settle(try await running(), .reschedule(after: .zero, returnsAttempt: true))
    case .runAgain:
      let claim = try await running()
      _ = try await store.add("task") { $0.unique = UniqueKey("k", mode: .coalesce) }
      _ = try await store.settle(claim, .complete)
    case .redriven:
      let claim = try await running()
      _ = try await store.settle(claim, .bury(.discarded, detail: nil, nil))
      #expect(try await store.redrive(.all) == [claim.id])
    case .pulledForward, .replaced:
      _ = try await store.add("task") {
        $0.unique = UniqueKey("k")
        $0.schedule = .after(.seconds(500))
      }
      _ = try await store.add("task") {
        $0.unique = UniqueKey("k", mode: origin == .replaced ? .replace : .coalesce)
      }
    }
  }

  @Test("delays no task that was due before", arguments: Origin.allCases)
  func readyStaysReady(_ origin: Origin) async throws {
    try await withStore { store in
      try await make(origin, in: store)
      try await store.pool.query(Self.goBack)
      let request = ClaimRequest(queues: [.default], types: ["note"], limit: 1, lease: .seconds(60), promotesDue: true)
      let claimed = try await store.exchange(settle: [], claim: request).claimed
      #expect(claimed.count == 1)
      #expect(claimed.first?.crashes == 0)
    }
  }

  @Test("makes no task due that has not been")
  func waitingWaits() async throws {
    try await withStore { store in
      _ = try await store.add("delayed") { $0.schedule = .after(.seconds(50)) }
      _ = try await store.add("replaced") { $0.unique = UniqueKey("k") }
      _ = try await store.add("replaced") {
        $0.unique = UniqueKey("k", mode: .replace)
        $0.schedule = .after(.seconds(50))
      }
      // By hand: ready, but not due.
      try await store.pool.query(
        "INSERT INTO taskqueue.task (type, payload, due_at) VALUES ('note', '{}', now() + interval '1 min')"
      )
      #expect(try await store.claimAll().isEmpty)
      try await store.pool.query(Self.goBack)
      #expect(try await store.claimAll().isEmpty)
    }
  }

  @Test("does not keep new delayed tasks from being made ready")
  func promotionGoesOn() async throws {
    try await withStore { store in
      _ = try await store.add("delayed") { $0.schedule = .after(.seconds(50)) }
      try await store.pool.query("UPDATE taskqueue.task SET due_at = now() - interval '1 s'")
      var position = ScanPosition()
      // All that was due an hour from now was made ready, as far as this worker knows.
      position.notePromotion(from: nil, until: Date().addingTimeInterval(3_600))
      let request = ClaimRequest(
        queues: [.default],
        types: ["note"],
        limit: 9,
        lease: .seconds(60),
        promotesDue: true,
        scope: .after(position)
      )
      #expect(try await store.exchange(settle: [], claim: request).claimed.count == 1)
    }
  }
}
