/// Where the journals of flows, and the events that they wait for, are kept. Whatever is written for a flow is fenced by its claim. Every
/// store with flows passes `FlowConformance` of `TaskQueueConformance`.
///
/// ## How an event and a wait for it find each other
/// Neither locks the other. Each brings, in its own transaction, a note that the key is to be looked at; promotion looks (``ClaimRequest/promotesDue``).
/// The look after the later of the two commits sees both.
@_spi(Store) public protocol FlowStore: Sendable {
  /// Records a step if the claim holds the task and its lease is not over. The task's failures and crashes end with it. Stores may send the steps
  /// of many tasks together.
  ///
  /// - Parameter repeats: the call was made before and its answer was lost: a step that is there counts as recorded.
  /// - Returns: false: the claim has lost the task, and nothing was recorded.
  func record(_ step: FlowStep, by claim: Claim, repeats: Bool) async throws(TaskQueueError) -> Bool

  /// Decides a wait for an event, once, and records that.
  ///
  /// - Parameter isOver: the wait has no time at all.
  func look(
    for event: String,
    as step: String,
    place: Int,
    isOver: Bool,
    by claim: Claim
  ) async throws(TaskQueueError) -> FlowEventLook

  /// Stores an event. The first one with a key counts, until it expires.
  /// - Returns: whether this is it.
  func emit(_ event: FlowEvent) async throws(TaskQueueError) -> Bool

  /// The journal of a task, live or dead, by place; at most ``Limits/page``.
  func steps(of task: TaskID) async throws(TaskQueueError) -> [FlowStep]

  /// Whether every flow of the type, live or dead, has recorded this step as `true`. Reads all of them.
  func isTrueEverywhere(_ step: String, type: TaskType) async throws(TaskQueueError) -> Bool

  /// Deletes what is left of flows that are gone, and expired events, bounded; each call goes on where the one before ended.
  /// - Returns: how many rows.
  func purgeFlows(within limit: Duration) async throws(TaskQueueError) -> Int
}

/// What became of a wait for an event.
@_spi(Store) public enum FlowEventLook: Hashable, Sendable {
  /// It is there, or was: recorded with this payload.
  case event(FlowStep)
  /// The time is over: recorded.
  case timedOut
  /// Neither yet.
  case wait
  /// The claim has lost the task.
  case lost
}
