import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance

/// Passes everything on, except that exchanges and renewals can be made to fail.
final class FaultyStore: StoreDecorator {
  let base: any StoreContract
  private let fault = Mutex<(@Sendable (_ settlements: [Settlement]) -> TaskQueueError?)?>(nil)

  init(_ base: any StoreContract) { self.base = base }

  /// Consulted before every exchange and renewal (with no settlements); nil: works again.
  func setFault(_ new: (@Sendable ([Settlement]) -> TaskQueueError?)?) { fault.withLock { $0 = new } }

  private func check(_ settlements: [Settlement]) throws(TaskQueueError) {
    if let error = fault.withLock({ $0 })?(settlements) { throw error }
  }

  func exchange(
    settle: [Settlement],
    claim: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    try check(settle)
    return try await base.exchange(settle: settle, claim: claim)
  }

  func renew(_ claims: [Claim], lease: Duration, within limit: Duration) async throws(TaskQueueError) -> [Renewal] {
    try check([])
    return try await base.renew(claims, lease: lease)
  }
}
