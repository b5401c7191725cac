#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension TaskContext {
  /// Lets the flow sleep: the attempt ends here, and a later one goes on after it. Costs no slot, no worker and no connection meanwhile.
  ///
  /// The end is recorded when the sleep begins, by the store's clock, and stays. Several waits may be begun side by side (`async let`).
  ///
  /// - Parameters:
  ///   - name: as a step's.
  ///   - duration: at most ``Limits/delay``; zero or less: none.
  /// - Throws: ``FlowSuspension`` to leave the handler: let it through. ``FlowError``, ``TaskQueueError``.
  public func sleep(_ name: String, _ number: Int? = nil, for duration: Duration) async throws {
    guard duration <= Limits.delay else { throw TaskQueueError.invalidOption("A sleep must be at most 100 years.") }
    try await sleep(FlowNames.own(name, number), .after(max(.zero, duration)))
  }

  /// ``sleep(_:_:for:)`` until an instant, by the store's clock.
  public func sleep(_ name: String, _ number: Int? = nil, until instant: Date) async throws {
    guard instant < .distantFuture else {
      throw TaskQueueError.invalidOption("A sleep must end at an instant before the year 4001.")
    }
    try await sleep(FlowNames.own(name, number), .at(instant))
  }

  private func sleep(_ name: String, _ end: FlowWait.End) async throws {
    let attempt = try FlowAttempt(self)
    let (recorded, place) = try await attempt.begin(name, kinds: [.wait])
    if let until = recorded?.until, until <= attempt.flow.now { return }
    throw attempt.suspend(FlowWait(name, place: place, end: end))
  }

  /// Waits for an event (``TaskClient/emit(_:_:retention:)``, or `emit` in SQL) that came before or will come. If it is not there yet the attempt
  /// ends here, and a later one goes on; it costs no slot, no worker and no connection meanwhile. What came is recorded: every attempt gets the same.
  ///
  /// - Parameters:
  ///   - key: the event's, unique in the whole schema, such as `paid/7`. 1 to 256 bytes without control characters.
  ///   - type: what its payload is.
  ///   - timeout: how long to wait at most, from the first time that the flow comes here; nil: for ever.
  /// - Throws: ``FlowSuspension`` to leave the handler: let it through. ``FlowError`` with `timedOut`: the event did not come in time, which
  ///   stays so. ``TaskQueueError``.
  public func event<Payload: Decodable & Sendable>(
    _ key: String,
    as type: Payload.Type = Payload.self,
    timeout: Duration? = nil
  ) async throws -> Payload {
    try FlowEvent.validate(key: key)
    let name = FlowNames.event(key)
    let attempt = try FlowAttempt(self)
    let (recorded, place) = try await attempt.begin(name, kinds: [.wait, .event, .timeout])
    switch recorded?.kind {
    case FlowStep.Kind.event?: return try attempt.decoded(recorded ?? FlowStep(name, .event, place: place))
    case FlowStep.Kind.timeout?: throw FlowError.timedOut(name)
    default: break
    }
    let isOver = recorded == nil && timeout.map { $0 <= .zero } == true
    let look = try await attempt.flow.run {
      try await attempt.store.look(for: key, as: name, place: place, isOver: isOver, by: task.claim)
    }
    switch look {
    case .event(let step):
      attempt.flow.withJournal { $0.note(step) }
      return try attempt.decoded(step)
    case .timedOut:
      attempt.flow.withJournal { $0.note(FlowStep(name, .timeout, place: place)) }
      throw FlowError.timedOut(name)
    case .lost:
      attempt.flow.withJournal { $0.noteLost() }
      throw TaskQueueError.flowLeaseLost(claim)
    case .wait:
      let end = timeout.map { FlowWait.End.after(min($0, Limits.delay)) } ?? .never
      throw attempt.suspend(FlowWait(name, place: place, end: end, event: key))
    }
  }
}

extension FlowError {
  fileprivate static func timedOut(_ name: String) -> FlowError {
    FlowError(.timedOut, name, "The event did not come in time.")
  }
}
