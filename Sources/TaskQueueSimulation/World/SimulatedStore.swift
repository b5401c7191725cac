@_spi(Store) import TaskQueue
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The store of a run: the in-memory store's rules, with a clock of its own, claims that see only what their scope allows, transactions that
/// commit late, and looks that keep others from looking.
struct SimulatedStore {
  private static let epoch = Date(timeIntervalSince1970: 1_800_000_000)

  var state = InMemoryState()
  /// How far its clock is from the virtual time.
  var clockOffset: Duration = .zero
  /// Transactions that have stored tasks and are not over.
  var writers: Set<OpenWriters.ID> = []
  /// Tasks whose outcomes' data are refused.
  var refused: Set<TaskID> = []
  /// How long it takes to look at everything.
  var lookTakes: Duration = .milliseconds(1)
  /// The put-back fault that no outcome ends the count of crashes.
  var keepsCrashes = false
  /// Put-back faults of flows.
  var flowFaults: EngineFaults = []
  /// Looks at everything under way, by what they look through.
  private var looks: [Look: CallID] = [:]

  private struct Look: Hashable {
    let queues: [QueueName]
    let types: Set<TaskType>
    init(_ request: ClaimRequest) {
      (queues, types) = (request.queues.sorted { $0.rawValue < $1.rawValue }, Set(request.types))
    }
  }

  func time(at now: Instant) -> Date {
    Self.epoch + (clockOffset + Instant.zero.duration(to: now)) / .seconds(1)
  }

  // MARK: Calls

  /// A call reached the store. Its effect comes later.
  mutating func begin(_ call: StoreCall) {
    guard let claim = call.claim, case .rescan = claim.scope else { return }
    let look = Look(claim)
    if looks[look] == nil {
      looks[look] = call.order.id
      call.holdsLook = true
    }
  }

  mutating func endLook(_ call: StoreCall) {
    guard call.holdsLook, let claim = call.claim else { return }
    call.holdsLook = false
    looks[Look(claim)] = nil
  }

  /// What the store says after it did what was asked for.
  ///
  /// - Throws: the data of one of the settlements is refused; nothing was done.
  mutating func perform(_ call: StoreCall, at now: Instant) throws(TaskQueueError) -> CallAnswer {
    let time = time(at: now)
    switch call.order.call {
    case .prepare: return .prepared
    case .exchange(let settlements, let request):
      if settlements.contains(where: { refused.contains($0.claim.id) }) { throw .refusedData }
      let settled = settlements.map { settle($0, at: now) }
      var exchange = request.map { claim($0, of: call, time) } ?? Exchange()
      exchange.settled = settled
      return .exchanged(exchange)
    case .openWriters: return .writers(OpenWriters(at: time, ids: writers))
    case .renew(let claims, let lease):
      return .renewed(claims.map { state.renew($0, lease: lease, now: time) })
    case .maintain: return .maintained(MaintenanceReport())
    }
  }

  mutating func settle(_ settlement: Settlement, at now: Instant) -> SettlementResult {
    if state.isLocked(settlement) { return .busy }
    let crashes = state.tasks[settlement.claim.id]?.crashes ?? 0
    if flowFaults.contains(.suspensionKeepsSlot), case .suspend = settlement.action {
      state.tasks[settlement.claim.id]?.isOrdered = true
    }
    guard state.settle(settlement, now: time(at: now)) else { return .lost }
    if keepsCrashes { state.tasks[settlement.claim.id]?.crashes = crashes }
    return .applied
  }

  mutating func claim(_ request: ClaimRequest, of call: StoreCall, _ time: Date) -> Exchange {
    var request = request
    var looksAtEverything = true
    switch request.scope {
    case .everything: break
    case .after: looksAtEverything = false
    case .rescan(let position):
      looksAtEverything = call.holdsLook
      request.scope = call.holdsLook ? .everything : .after(position)
    }
    var exchange = state.claim(request, now: time, keepsToScope: true)
    exchange.lookedAtEverything = looksAtEverything
    exchange.lookTook = looksAtEverything ? lookTakes : .milliseconds(1)
    exchange.storeTime = request.promotesDue ? time : nil
    return exchange
  }

  // MARK: Flows

  mutating func record(_ step: FlowStep, by claim: Claim, repeats: Bool, at now: Instant) -> Bool {
    if state.record(step, by: claim, repeats: repeats, now: time(at: now)) { return true }
    guard flowFaults.contains(.stepsUnfenced), state.tasks[claim.id] != nil else { return false }
    if state.flows.step(step.name, of: claim.id) == nil { state.flows.set(step, of: claim.id) }
    return true
  }

  mutating func look(
    for key: String,
    as name: String,
    place: Int,
    isOver: Bool,
    _ claim: Claim,
    at now: Instant
  ) -> FlowEventLook {
    state.look(for: key, as: name, place: place, isOver: isOver, by: claim, now: time(at: now))
  }

  /// - Returns: whether it counts.
  mutating func emit(_ key: String, at now: Instant) -> Bool {
    let time = time(at: now)
    guard let event = try? FlowEvent(key, json: Data("1".utf8), retention: .seconds(7 * 86_400)) else {
      preconditionFailure("the plan holds an event that is not valid")
    }
    if flowFaults.contains(.eventLookLost), state.flows.waiters[key] != nil {
      state.flows.events[key] = .init(payload: event.payload, expiresAt: time + 7 * 86_400)
      return true
    }
    if flowFaults.contains(.timeoutOverruled) { overruleTimeouts(key, event.payload) }
    return state.emit(event, now: time)
  }

  /// The put-back fault that an event counts although its wait has ended.
  private mutating func overruleTimeouts(_ key: String, _ payload: Data) {
    for (id, steps) in state.flows.steps {
      for var step in steps where step.name == FlowNames.event(key) && step.kind == .timeout {
        (step.kind, step.value) = (.event, payload)
        state.flows.set(step, of: id)
      }
    }
  }

  // MARK: Hints

  mutating func takeHints() -> Set<StoreHint> {
    defer { state.hints = [] }
    return state.hints
  }
}

extension TaskQueueError {
  static var refusedData: TaskQueueError {
    var error = TaskQueueError(.storeFailed, "22P05: the data is refused")
    error.isDataRefused = true
    return error
  }

  init(_ failure: StoreFailure) {
    self.init(.storeFailed, failure.rawValue, isRetrySafe: failure != .connection)
  }
}
