import SeededRandom
import Testing

@testable import PaymentsExample

@Suite("The payment's state machine")
struct PaymentStateTests {
  /// A provider that does what it is told, for any number of registrations.
  private struct World {
    var state = PaymentState()
    var registrations: [ProviderStatus] = []
    var executions = 0
    /// Registrations whose execution failed. The provider has cancelled them.
    var declined: Set<Int> = []
    /// Commands sent by workers, some of which arrive late, twice, or never.
    var underWay: [PaymentTransition.Command] = []

    mutating func step(_ generator: inout SeededGenerator) -> PaymentInput? {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0, 1:
        registrations.append(.initial)
        return .registered(id: String(registrations.count - 1), .initial)
      case 2: return Int.random(in: 0..<20, using: &generator) == 0 ? .refused(reason: "no") : nil
      case 3: return .cancellationWanted
      case 4:
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return .stopped(reason: "another amount")
        case 1, 2: return .resumed
        default: return .cancellationRefused(reason: "late")
        }
      case 5: return .executionDue(round: Int.random(in: 1...3, using: &generator))
      case 6, 7:
        return state.providerId.flatMap(Int.init).map { index in
          declined.contains(index) ? .declined(reason: "declined") : .reported(registrations[index])
        }
      case 8:
        deliver(&generator)
        return nil
      default:
        // The provider goes on by itself.
        for index in registrations.indices where registrations[index] == .processing {
          registrations[index] = Int.random(in: 0..<10, using: &generator) == 0 ? .returned : .done
        }
        for index in registrations.indices where registrations[index] == .done {
          if Int.random(in: 0..<20, using: &generator) == 0 { registrations[index] = .returned }
        }
        return nil
      }
    }

    /// Any command that was ever sent may arrive now, again.
    private mutating func deliver(_ generator: inout SeededGenerator) {
      guard let command = underWay.randomElement(using: &generator) else { return }
      switch command {
      case .execute(let id):
        guard let index = Int(id), registrations[index] == .initial else { return }
        if Int.random(in: 0..<5, using: &generator) == 0 {
          declined.insert(index)
          registrations[index] = .cancelled
          return
        }
        registrations[index] = .processing
        executions += 1
      case .cancel(let id):
        guard let index = Int(id), registrations[index] == .initial else { return }
        registrations[index] = .cancelled
      case .check: break
      }
    }
  }

  @Test("Keeps its promises over random histories", arguments: 1...200 as ClosedRange<UInt64>)
  func properties(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var world = World()
    for _ in 1...400 {
      guard let input = world.step(&generator) else { continue }
      let before = world.state
      let transition = before.transition(on: input)
      let after = transition.state
      let isReturned = before.status == .done && after.status == .returned
      #expect(!before.status.isFinal || after.status == before.status || isReturned, "a final status stays")
      #expect(before.providerId == nil || after.providerId == before.providerId, "the provider's id is written once")
      let isDropped = before.isCancellationRequested && input == .reported(.cancelled)
      if case .reported = input, before.stopReason != nil, !isDropped {
        #expect(after == before, "while it is stopped, what the provider says is not believed")
      }
      #expect(!before.isExecutionRequested || after.isExecutionRequested, "a request to execute is never taken back")
      #expect((transition.event == nil) == (after == before), "what changes leaves an event, and only that")
      if case .execute(let id) = transition.command {
        #expect(id == after.providerId, "only the stored id is executed")
        #expect(after.isExecutionRequested, "that it will be executed is recorded before")
        #expect(!after.status.isFinal && !after.isCancellationRequested)
        #expect(after.stopReason == nil, "what is stopped is not executed")
      }
      world.state = after
      if let command = transition.command { world.underWay.append(command) }
      if after.status == .cancelled, !after.isExecutionRequested { #expect(world.executions == 0) }
    }
    #expect(world.executions <= 1)
    for _ in 1...100 {
      // Everything that was ever sent arrives again.
      _ = world.step(&generator)
    }
    #expect(world.executions <= 1)
    if world.state.status == .cancelled || world.state.status == .failed {
      #expect(world.executions == 0, "no money moves for a payment that says none did")
    }
    if world.state.status == .done || world.state.status == .returned { #expect(world.executions == 1) }
  }

  @Test(
    "A provider's own words are waited on, also when they are ours and mean nothing in its mouth",
    arguments: [
      ("ON_HOLD", "ON_HOLD"), ("CREATED", "CREATED?"), ("", "?"), ("DONE\u{0}", "DONE?"), ("OPEN", "OPEN?"),
      ("WON", "WON?"), ("LOST", "LOST?"),
    ]
  )
  func otherStatuses(text: String, stored: String) {
    let state = PaymentState(status: .initial, providerId: "p", executionRounds: 1)
    let after = state.transition(on: .reported(ProviderStatus(rawValue: text))).state
    #expect(!after.status.isFinal)
    #expect(after.status.rawValue == stored)
    #expect(!after.status.isKnown)
    #expect(after.transition(on: .reported(.done)).state.status == .done)
  }

  @Test("What the provider couldn't or wouldn't carry out is FAILED with its word", arguments: ["FAILED", "REJECTED"])
  func failedThere(text: String) {
    let word = ProviderStatus(rawValue: text)
    for state in [
      PaymentState(status: .processing, providerId: "p", executionRounds: 1),
      PaymentState().transition(on: .registered(id: "p", word)).state,
    ] {
      let failed = state.transition(on: .reported(word))
      #expect(failed.state.status == .failed)
      #expect(failed.detail == "The provider says \(text).")
      #expect(failed.state.transition(on: .reported(.returned)) == .nothing(failed.state))
    }
  }

  @Test("RETURNED is reached from DONE and before DONE was seen, and stays")
  func returned() {
    for status in [PaymentStatus.initial, .processing, .done] {
      let state = PaymentState(status: status, providerId: "p", executionRounds: 1)
      let returned = state.transition(on: .reported(.returned))
      #expect(returned.state.status == .returned)
      #expect(returned.state.transition(on: .reported(.done)) == .nothing(returned.state))
    }
    let cancelled = PaymentState(status: .cancelled, providerId: "p")
    #expect(cancelled.transition(on: .reported(.returned)) == .nothing(cancelled))
  }

  @Test("A cancellation before the order to execute is final at once, and gives back what was registered")
  func cancelsEarly() {
    let fresh = PaymentState().transition(on: .cancellationWanted)
    #expect(fresh.state.status == .cancelled)
    #expect(fresh.command == nil)
    let late = fresh.state.transition(on: .registered(id: "p", .initial))
    #expect(late.state.status == .cancelled)
    #expect(late.command == .cancel("p"))
    #expect(late.state.transition(on: .executionDue(round: 1)).command == nil)
  }

  @Test("A payment that the provider gave up is FAILED for good, also while somebody wants it cancelled")
  func declined() {
    let running = PaymentState(status: .initial, providerId: "p", executionRounds: 1)
    for state in [running, running.transition(on: .cancellationWanted).state] {
      let declined = state.transition(on: .declined(reason: "no money"))
      #expect(declined.state == PaymentState(status: .failed, providerId: "p", executionRounds: 1))
      #expect(declined.event == .declined)
      #expect(declined.detail == "no money")
      #expect(declined.state.transition(on: .reported(.done)).state == declined.state)
    }
    let unregistered = PaymentState()
    #expect(unregistered.transition(on: .declined(reason: "no money")) == .nothing(unregistered))
  }

  @Test("A stopped payment does nothing until a person resumes or cancels it")
  func stopped() {
    let registered = PaymentState(status: .initial, providerId: "p")
    let stopped = registered.transition(on: .stopped(reason: "another amount"))
    #expect(stopped.event == .stopped)
    #expect(stopped.detail == "another amount")
    #expect(stopped.command == nil)
    let state = stopped.state
    for input in [
      .executionDue(round: 1), .reported(.done), .reported(.processing), .declined(reason: "no"),
      .stopped(reason: "another amount"),
    ] as [PaymentInput] { #expect(state.transition(on: input) == .nothing(state)) }
    #expect(state.transition(on: .resumed).state == registered)
    #expect(state.transition(on: .resumed).command == .check)
    let cancelled = state.transition(on: .cancellationWanted)
    #expect(cancelled.state.status == .cancelled)
    #expect(cancelled.state.stopReason == "another amount", "it says why")
    #expect(cancelled.state.transition(on: .resumed) == .nothing(cancelled.state))
  }

  @Test("A refused cancellation lets the payment go on")
  func refusedCancellation() {
    let running = PaymentState(status: .processing, providerId: "p", executionRounds: 1)
    let wanted = running.transition(on: .cancellationWanted)
    #expect(wanted.state.status == .processing)
    #expect(wanted.command == .cancel("p"))
    let refused = wanted.state.transition(on: .cancellationRefused(reason: "late"))
    #expect(refused.state == running)
    #expect(refused.command == .check)
  }
}
