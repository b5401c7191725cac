import TaskQueue

/// Where pages are read, and where actions are carried out.
struct DashboardSource: Sendable {
  let reads: any DashboardStore
  let acts: any DashboardStore
  /// Pages are read from a standby.
  let isCopy: Bool
}

/// What the dashboard asks of a ``TaskClient``, whatever its store.
protocol DashboardStore: Sendable {
  func overview() async throws(TaskQueueError) -> QueueOverview
  func list(_ filter: TaskFilter, after cursor: TaskCursor?, limit: Int) async throws(TaskQueueError) -> TaskPage
  func detail(of task: TaskID, withPayload: Bool) async throws(TaskQueueError) -> TaskDetail?
  func explain(_ id: TaskID) async throws(TaskQueueError) -> TaskExplanation
  func workers() async throws(TaskQueueError) -> [WorkerSnapshot]
  func throughput(of time: Duration, limit: Int) async throws(TaskQueueError) -> [ThroughputCount]
  func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord]
  func operatorActions(before id: Int64?, about target: OperatorTarget?, limit: Int) async throws(TaskQueueError)
    -> [OperatorAction]
  func limitLines(of name: String, after key: String?, limit: Int) async throws(TaskQueueError) -> [LimitLine]
  var schedules: ScheduleClient { get }
  var limits: LimitControl { get }

  func perform(
    _ action: DashboardAction,
    by actor: String,
    because reason: String?
  ) async throws(TaskQueueError) -> ActionReport
}

extension TaskClient: DashboardStore {}
