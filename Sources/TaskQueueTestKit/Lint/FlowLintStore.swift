@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A store that keeps nothing, and answers from a recorded flow.
struct FlowLintStore: StoreDecorator {
  let base: any StoreContract = InMemoryTaskStore()
  private let replay: FlowLintReplay
  private let effects: [String: FlowRecording.Effect]

  init(_ flow: FlowRecording, _ replay: FlowLintReplay) {
    self.replay = replay
    effects = Dictionary(flow.effects.map { ($0.name, $0) }) { one, _ in one }
  }

  func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    Exchange(settled: settlements.map { _ in .lost })
  }

  func take(_ limit: TaskLimit, within longest: Duration) async throws(TaskQueueError) -> Duration { .zero }
  func pause(_ limit: TaskLimit, for duration: Duration) async throws(TaskQueueError) {}
}

extension FlowLintStore: FlowStore {
  /// Only versions come here: all else stops before.
  func record(_ step: FlowStep, by claim: Claim, repeats: Bool) async throws(TaskQueueError) -> Bool { true }

  func look(
    for event: String,
    as step: String,
    place: Int,
    isOver: Bool,
    by claim: Claim
  ) async throws(TaskQueueError) -> FlowEventLook { .wait }

  func emit(_ event: FlowEvent) async throws(TaskQueueError) -> Bool { false }
  func steps(of task: TaskID) async throws(TaskQueueError) -> [FlowStep] { [] }
  func isTrueEverywhere(_ step: String, type: TaskType) async throws(TaskQueueError) -> Bool { false }
  func purgeFlows(within limit: Duration) async throws(TaskQueueError) -> Int { 0 }
}

extension FlowLintStore: EffectLedger {
  func beginEffect(_ intent: EffectIntent) async throws(TaskQueueError) -> EffectDecision {
    guard let effect = effects[intent.name.rawValue] else {
      replay.noteNewEffect(intent.name)
      throw TaskQueueError(.storeFailed, "The check of a flow ends at an effect that has no outcome yet.")
    }
    let call = EffectCall(
      claim: intent.claim,
      name: intent.name,
      key: effect.key,
      number: effect.calls,
      keyEndsIn: nil
    )
    if let value = effect.value { return .recorded(.succeeded(Data(value.utf8)), call) }
    return .recorded(.failed(.permanent(effect.code ?? "", effect.reason ?? "")), call)
  }

  func endEffect(_ call: EffectCall, _ outcome: EffectOutcome) async throws(TaskQueueError) -> EffectOutcome? { nil }
  func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) async throws(TaskQueueError) -> EffectResolutionResult { .unknown }
  func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord] { [] }
  func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord] { [] }
  func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int { 0 }
}
