import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The PostgreSQL store's contract")
struct PostgresStoreConformanceTests {
  @Test("The PostgreSQL store keeps the contract of every store", arguments: StoreConformance.all)
  func conforms(to check: StoreConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  @Test("It keeps the contract for a worker that takes one task at a time", arguments: StoreConformance.all)
  func conformsOneByOne(to check: StoreConformance.Check) async throws {
    try await withStore { try await check.run(on: DecoratedHarness($0) { OneByOneStore(base: $0) }) }
  }

  @Test("It keeps the contract for a worker that remembers how far it has looked", arguments: StoreConformance.all)
  func conformsFromPositions(to check: StoreConformance.Check) async throws {
    try await withStore { try await check.run(on: DecoratedHarness($0) { PositionedStore(base: $0) }) }
  }

  @Test("Its transactions and its inbox keep the contract", arguments: TransactionConformance<PostgresTaskStore>.all)
  func conforms(to check: TransactionConformance<PostgresTaskStore>.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  @Test("Its schedules keep the contract", arguments: ScheduleConformance.all)
  func conforms(to check: ScheduleConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  @Test("Its alarms keep the contract", arguments: AlarmConformance.all)
  func conforms(to check: AlarmConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }
}

private struct DecoratedHarness: StoreHarness {
  private let inner: PostgresStoreHarness
  let store: any StoreContract

  init(_ store: PostgresTaskStore, _ decorate: (any StoreContract) -> any StoreContract) {
    inner = PostgresStoreHarness(store)
    self.store = decorate(store)
  }

  func advance(by duration: Duration) async throws { try await inner.advance(by: duration) }
}

/// Batches of one: each settlement and each claimed task is an exchange of its own.
private struct OneByOneStore: StoreDecorator {
  let base: any StoreContract

  func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    var result = Exchange()
    for settlement in settlements {
      result.settled += try await base.exchange(settle: [settlement], claim: nil).settled
    }
    guard var single = request else { return result }
    // The fair share of several queues is a promise about one claim.
    if single.queues.count > 1 {
      let claimed = try await base.exchange(settle: [], claim: single)
      result.claimed = claimed.claimed
      result.nextDueIn = claimed.nextDueIn
      return result
    }
    single.limit = 1
    for _ in 0..<(request?.limit ?? 0) {
      let next = try await base.exchange(settle: [], claim: single)
      result.nextDueIn = next.nextDueIn
      if next.claimed.isEmpty { break }
      result.claimed += next.claimed
    }
    result.mayHaveMore = result.claimed.count == request?.limit
    return result
  }
}

/// Claims as the engine does: behind its position, with looks at everything.
private final class PositionedStore: StoreDecorator {
  let base: any StoreContract
  private let position = Mutex(ScanPosition())

  init(base: any StoreContract) { self.base = base }

  func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    guard var request else { return try await base.exchange(settle: settlements, claim: nil) }
    let start = position.withLock { $0 }
    request.scope = .rescan(start)
    let exchange = try await base.exchange(settle: settlements, claim: request)
    position.withLock { position in
      position.notePromotion(from: exchange.promotedFrom, until: exchange.promotedUntil)
      position.advance(over: exchange.claimed, isCutShort: exchange.mayHaveMore, from: start)
    }
    return exchange
  }
}
