/// For how long is kept what nobody needs any more, so that no table grows for ever. Workers drop it (``TaskWorkerConfiguration/retention``), at most
/// ``Limits/page`` of a kind at a time, and count what they dropped in the metric `taskqueue_retention_dropped_total` by kind.
///
/// nil keeps things of that kind for ever. What has a time of its own is not named here: received events of other systems
/// (``CallbackInbox``), events of flows, groups, completed tasks (``EnqueueOptions/retain``) and the history of throughput go when that is
/// over.
public struct RetentionConfiguration: Hashable, Sendable {
  /// Dead letters, from their death; 90 days. Each round that drops some logs how many, as a notice. Two sorts stay, however old: those that hold up the
  /// line of a limit (``LimitRule/AfterDeadLetter/hold``), and those with an effect whose outcome nobody knows.
  public var deadLetters: Duration? = .seconds(90 * 86_400)
  /// Settled effects of tasks that are neither live nor dead letters, from their last change; 366 days. Longer than any provider still
  /// knows a key, and than books are open. One without a known outcome always stays.
  public var effects: Duration? = .seconds(366 * 86_400)
  /// Lines of the journal of what people did (``OperatorAction``), at least 30 days; 366 days.
  public var actions: Duration? = .seconds(366 * 86_400)

  public init() {}

  /// Nothing is dropped but what has a time of its own.
  public static var forever: RetentionConfiguration {
    var retention = RetentionConfiguration()
    retention.deadLetters = nil
    retention.effects = nil
    retention.actions = nil
    return retention
  }

  static let minActions: Duration = .seconds(30 * 86_400)

  /// - Throws: ``TaskQueueError`` with `invalidOption`.
  public func validate() throws(TaskQueueError) {
    for (name, age) in [("deadLetters", deadLetters), ("effects", effects)] {
      guard let age, !(age > .zero && age <= Limits.delay) else { continue }
      throw .invalidOption("retention.\(name) must be above zero and at most 100 years, or none to keep them for ever.")
    }
    guard let actions, !(actions >= Self.minActions && actions <= Limits.delay) else { return }
    throw .invalidOption("retention.actions must be 30 days to 100 years, or none to keep them for ever.")
  }
}
