#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TaskClient {
  /// The effects of a task, live or not, by name; at most ``Limits/page``.
  public func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord] {
    try await ledger().effects(of: task)
  }

  /// Effects without a known outcome whose last intent is at least that old, and contradicted ones; oldest first, at most
  /// ``Limits/page``. Read by index.
  public func unsettledEffects(
    olderThan age: Duration = .zero,
    limit: Int = 100
  ) async throws(TaskQueueError) -> [EffectRecord] {
    try Limits.validateAge(age, "olderThan")
    return try await ledger().unsettledEffects(olderThan: min(age, Limits.delay), limit: limit)
  }

  /// A person says what became of an effect that nobody else can settle. Redrive its task afterwards.
  ///
  /// Refused while a worker holds the task, and "did not happen" also while the call may still reach the provider.
  ///
  /// - Throws: ``TaskQueueError``: `invalidOption` (succeeded without a value), `storeFailed`.
  public func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) async throws(TaskQueueError) -> EffectResolutionResult {
    try resolution.validate()
    return try await ledger().resolveEffect(name, of: task, as: resolution)
  }

  /// Deletes settled effects that last changed that long ago and whose task is neither live nor a dead letter; at most ``Limits/page`` per
  /// call. One without a known outcome stays until it is resolved.
  /// - Returns: how many.
  @discardableResult
  public func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int {
    try Limits.validateAge(age, "olderThan")
    return try await ledger().purgeEffects(olderThan: min(age, Limits.delay))
  }

  private func ledger() throws(TaskQueueError) -> any EffectLedger {
    guard let ledger = contract as? any EffectLedger else { throw .noLedger }
    return ledger
  }
}

extension TaskClient {
  /// How long tasks of each type may take until they are final, as ``AlarmMonitor`` and the view `overdue` judge them.
  public func alarmRules() async throws(TaskQueueError) -> [AlarmRule] { try await alarms().alarmRules() }

  /// Adds these rules or changes those of their types; others stay. An empty array is a no-op.
  public func setAlarmRules(_ rules: [AlarmRule]) async throws(TaskQueueError) {
    try await alarms().setAlarmRules(rules)
  }

  /// - Returns: whether there was one.
  @discardableResult
  public func removeAlarmRule(for type: TaskType) async throws(TaskQueueError) -> Bool {
    try await alarms().removeAlarmRule(for: type)
  }

  private func alarms() throws(TaskQueueError) -> any AlarmSource { try contract.alarmSource() }
}
