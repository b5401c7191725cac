import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Nothing stalls the engine's calls")
struct StallTests {
  /// Ways in which an open transaction of the app locks the row of a running task.
  enum Lock: String, CaseIterable, Sendable {
    case select = "SELECT FROM taskqueue.task WHERE id = %id FOR UPDATE"
    case keyShare = "SELECT FROM taskqueue.task WHERE id = %id FOR KEY SHARE"
    case coalesce = "SELECT taskqueue.enqueue('note', '{}', unique_key => 'k', unique_mode => 'coalesce')"
    case cancel = "SELECT taskqueue.cancel(%id)"
    case replace = "SELECT taskqueue.enqueue('note', '{}', unique_key => 'k', unique_mode => 'replace', delay => '1 h')"
  }

  @Test(
    "Bulk claims and outcomes go on beside one locked row, whose outcome is offered again",
    arguments: Lock.allCases
  )
  func lockedRow(_ lock: Lock) async throws {
    try await withStore { store in
      let stuck = try await store.add("stuck") { $0.unique = UniqueKey("k") }.id
      for index in 0..<40 { _ = try await store.add("\(index)") }
      let claimed = try await store.claimAll()
      #expect(claimed.count == 41)
      let settlements = claimed.map { Settlement($0.claim, .complete) }
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query(lock.rawValue.replacing("%id", with: "\(stuck)"))
        let exchange = try await store.exchange(settle: settlements, claim: nil, within: .seconds(5))
        for (task, settled) in zip(claimed, exchange.settled) {
          #expect(settled == (task.claim.id == stuck ? .busy : .applied))
        }
        for action in [
          Settlement.Action.release, .fail(.sample, retryAfter: .zero), .bury(.discarded, detail: nil, nil),
        ] {
          let claim = try #require(claimed.first { $0.claim.id == stuck }).claim
          let again = try await store.exchange(settle: [Settlement(claim, action)], claim: nil, within: .seconds(5))
          #expect(again.settled == [.busy])
        }
      }
      let last = try await store.exchange(settle: settlements, claim: nil)
      #expect(last.settled.filter { $0 == .applied }.count == 1)
      switch lock {
      case .select, .keyShare: #expect(try await store.task(stuck) == nil)
      // Completed although it was asked to stop.
      case .cancel: #expect(try await store.task(stuck) == nil)
      case .coalesce, .replace: #expect(try await store.claimAll().map(\.claim.id) == [stuck])
      }
    }
  }

  @Test("They never wait behind handlers that hold all of the app's connections")
  func ownConnections() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 1))
      _ = try await store.add("one")
      try await store.pool.withTransaction { _ in
        let claimed = try await store.claimAll()
        #expect(claimed.count == 1)
        #expect(try await store.renew(claimed.map(\.claim), lease: .seconds(60), within: .seconds(5)) == [.renewed])
        #expect(try await store.openWriters(within: .seconds(5)) != nil)
        #expect(try await store.unhandled(queues: [.default], knownTypes: [], within: .seconds(5)).isEmpty)
        #expect(try await store.unserved(besides: [], dueFor: .zero, within: .seconds(5)).isEmpty)
        #expect(try await store.dropExpiredKeys(within: .seconds(5)) == 0)
        #expect(try await store.settle(claimed[0].claim, .complete))
      }
      await store.close()
    }
  }

  @Test("They end within their limit while the table is locked")
  func limits() async throws {
    try await withStore { store in
      _ = try await store.add("one")
      let claimed = try await store.claimAll()
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("LOCK TABLE taskqueue.task")
        let limit = Duration.milliseconds(400)
        let start = ContinuousClock.now
        let request = ClaimRequest(
          queues: [.default],
          types: ["note"],
          limit: 1,
          lease: .seconds(60),
          promotesDue: true
        )
        await #expect(throws: TaskQueueError.self) {
          _ = try await store.exchange(
            settle: claimed.map { Settlement($0.claim, .complete) },
            claim: request,
            within: limit
          )
        }
        await #expect(throws: TaskQueueError.self) {
          _ = try await store.renew(claimed.map(\.claim), lease: .seconds(60), within: limit)
        }
        await #expect(throws: TaskQueueError.self) {
          _ = try await store.unhandled(queues: [.default], knownTypes: [], within: limit)
        }
        await #expect(throws: TaskQueueError.self) { _ = try await store.dropExpiredKeys(within: limit) }
        #expect(ContinuousClock.now - start < .seconds(10))
      }
      #expect(try await store.settle(claimed[0].claim, .complete))
    }
  }
}
