#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What people who run the queue see and do. Every store that can be operated passes `OperatingConformance` of `TaskQueueConformance`.
///
/// Reads are bounded: by index, with a named number of rows, whatever the size of the tables; they change nothing, and work on a hot standby.
/// Every change is one transaction with its line in the journal.
@_spi(Store) public protocol OperatingStore: Sendable {
  /// A page of tasks that meet the filter, which is valid. Looks at ``Limits/listLook`` rows at most.
  /// - Parameter limit: 1 to ``Limits/page``.
  /// - Throws: `invalidOption` for a cursor that is none of this store's.
  func list(_ filter: TaskFilter, after cursor: TaskCursor?, limit: Int) async throws(TaskQueueError) -> TaskPage

  /// nil: nothing is left of it, or it never was. One snapshot.
  func detail(of id: TaskID, withPayload: Bool) async throws(TaskQueueError) -> TaskDetail?

  func overview() async throws(TaskQueueError) -> QueueOverview

  /// Keys of a limit with a task that has a slot or waits for one, or that are paused, in the order of their bytes, behind a key.
  /// - Parameter limit: 1 to ``Limits/page``.
  func limitLines(of name: String, after key: String?, limit: Int) async throws(TaskQueueError) -> [LimitLine]

  /// Lines of the journal, latest first.
  /// - Parameters:
  ///   - id: older ones than this; nil: from the latest on.
  ///   - target: only those about it. Those about a task are also those of many that changed it, if it is among the tasks named there.
  ///   - limit: 1 to ``Limits/page``.
  func actions(
    before id: Int64?,
    about target: OperatorTarget?,
    limit: Int
  ) async throws(TaskQueueError) -> [OperatorAction]

  /// Does what is asked for, and writes its line, or neither. A line is also written if there was nothing to change, but for a page of a walk over dead
  /// letters that brought none.
  /// - Parameter note: valid.
  /// - Throws: as the same call without a note: `unknownTask`, `unknownLimit`, `unknownSchedule`, `invalidOption`.
  func perform(_ request: OperatorRequest, noting note: OperatorNote) async throws(TaskQueueError) -> OperatorOutcome
}

/// What a person wants done.
@_spi(Store) public enum OperatorRequest: Sendable {
  case cancel(TaskID)
  case retry(TaskID)
  /// nil: whatever its attempt is.
  case runNow(TaskID, expectedAttempt: Int?)
  case pauseQueue(QueueName)
  case resumeQueue(QueueName)
  case redrive(DeadLetterFilter, from: DeadLetterCursor?)
  case purge(DeadLetterFilter, from: DeadLetterCursor?)
  case enqueue(NewTask)
  case emit(FlowEvent)
  case resolveEffect(EffectName, of: TaskID, as: EffectResolution)
  case changeLimit(String, LimitChange)
  case pauseLimit(TaskLimit, for: Duration)
  case setSchedule(String, ScheduleDefinition)
  case pauseSchedule(String)
  case resumeSchedule(String)
  case resetSchedule(String)
  case removeSchedule(String)
  case runSchedule(String)
  case backfillSchedule(String, slots: [Date])
}

/// What became of it.
@_spi(Store) public enum OperatorOutcome: Sendable {
  case done
  /// Whether it did, or there was one.
  case answered(Bool)
  case cancelled(CancelResult)
  case retried(RetryResult)
  case walked(DeadLetterPage)
  case resolved(EffectResolutionResult)
  case enqueued([EnqueueResult])
}
