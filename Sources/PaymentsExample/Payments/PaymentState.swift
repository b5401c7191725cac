/// The part of a payment that decides what may happen to it: a pure state machine, no clock, no database.
///
/// What it keeps, whatever comes in which order: a final status stays, but that DONE may become RETURNED; the provider's id is written once, and `execute` is
/// only ever sent for it; after a cancellation of our own no `execute` is sent; before `execute` is sent, that it will be
/// is recorded; while it is stopped, nothing is sent and nothing the provider says is believed, but that a cancellation which
/// a person asked for has been carried out.
package struct PaymentState: Equatable, Sendable {
  var status = PaymentStatus.created
  var providerId: String?
  /// Whether the provider may have been told to execute. Never taken back.
  var isExecutionRequested: Bool { executionRounds > 0 }
  /// How often the provider was told to execute at most, each time for want of an effect of the time before.
  var executionRounds = 0
  /// Whether a cancellation waits for the provider's word.
  var isCancellationRequested = false
  /// Why a person has to look first; nil: nothing holds it up. A final payment keeps it.
  var stopReason: String?

  /// What to do with this input. The caller stores the new state and the event in one transaction, and only then carries
  /// out the command.
  func transition(on input: PaymentInput) -> PaymentTransition {
    switch input {
    case .registered(let id, let status): registered(id, PaymentStatus(status))
    case .refused(let reason): failed(.refused, reason)
    case .rejected(let kind, let reason): failed(kind, reason)
    case .reported(let status): reported(status)
    case .declined(let reason): declined(reason)
    case .stopped(let reason): stopped(reason)
    case .resumed: resumed()
    case .executionDue(let round): executionDue(round)
    case .cancellationWanted: cancellationWanted()
    case .cancellationRefused(let reason): cancellationRefused(reason)
    }
  }

  /// The state after all of these inputs.
  func after(_ inputs: [PaymentInput]) -> PaymentState {
    inputs.reduce(self) { $0.transition(on: $1).state }
  }

  /// What these inputs ask for, in their order.
  func commands(after inputs: [PaymentInput]) -> [PaymentTransition.Command] {
    var state = self
    return inputs.compactMap { input in
      let transition = state.transition(on: input)
      state = transition.state
      return transition.command
    }
  }

  private func registered(_ id: String, _ status: PaymentStatus) -> PaymentTransition {
    // Another attempt's registration came first; this one stays in INIT at the provider for good.
    guard providerId == nil else { return .nothing(self, self.status.isFinal ? nil : .check) }
    var state = self
    state.providerId = id
    // Cancelled while the answer was under way: what was registered is given back.
    if self.status.isFinal { return .event(.registered, id, state, .cancel(id)) }
    // Why it failed is asked for by the check.
    state.status = status == .failed ? .processing : status
    return .event(.registered, id, state, .check)
  }

  private func failed(_ kind: PaymentEvent.Kind, _ reason: String) -> PaymentTransition {
    guard !status.isFinal, providerId == nil else { return .nothing(self) }
    var state = self
    state.status = .failed
    return .event(kind, reason, state)
  }

  private func reported(_ word: ProviderStatus) -> PaymentTransition {
    let status = PaymentStatus(word)
    if status == .failed { return declined("The provider says \(word.rawValue).") }
    let isReturned = self.status == .done && status == .returned
    guard !self.status.isFinal || isReturned, status != self.status else { return .nothing(self) }
    guard stopReason == nil || (isCancellationRequested && status == .cancelled) else { return .nothing(self) }
    var state = self
    state.status = status
    if status.isFinal { state.isCancellationRequested = false }
    return .event(.status, nil, state)
  }

  private func declined(_ reason: String) -> PaymentTransition {
    guard !status.isFinal, providerId != nil, stopReason == nil else { return .nothing(self) }
    var state = self
    state.status = .failed
    state.isCancellationRequested = false
    return .event(.declined, reason, state)
  }

  private func stopped(_ reason: String) -> PaymentTransition {
    guard !status.isFinal, reason != stopReason else { return .nothing(self) }
    var state = self
    state.stopReason = reason
    return .event(.stopped, reason, state)
  }

  private func resumed() -> PaymentTransition {
    guard !status.isFinal, stopReason != nil else { return .nothing(self) }
    var state = self
    state.stopReason = nil
    return .event(.resumed, nil, state, .check)
  }

  private func executionDue(_ round: Int) -> PaymentTransition {
    guard status == .initial, stopReason == nil, let id = providerId else { return .nothing(self) }
    if isCancellationRequested { return .nothing(self, .cancel(id)) }
    guard round > executionRounds else { return .nothing(self, .execute(id)) }
    var state = self
    state.executionRounds = round
    return .event(.executionRequested, round == 1 ? nil : "round \(round)", state, .execute(id))
  }

  private func cancellationWanted() -> PaymentTransition {
    guard !status.isFinal else { return .nothing(self) }
    var state = self
    if !isExecutionRequested {
      state.status = .cancelled
      return .event(.cancelled, "before the provider was told to execute", state, providerId.map { .cancel($0) })
    }
    guard let id = providerId else { return .nothing(self) }
    if isCancellationRequested { return .nothing(self, .cancel(id)) }
    state.isCancellationRequested = true
    return .event(.cancellationRequested, nil, state, .cancel(id))
  }

  private func cancellationRefused(_ reason: String) -> PaymentTransition {
    guard !status.isFinal, isCancellationRequested else { return .nothing(self) }
    var state = self
    state.isCancellationRequested = false
    return .event(.cancellationRefused, reason, state, .check)
  }
}
