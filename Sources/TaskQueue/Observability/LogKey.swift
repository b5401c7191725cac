/// Keys of log metadata, in one place; the table of `docs/observability.md` has them all, which a test checks.
package enum LogKey {
  package static let taskID = "task_id"
  package static let type = "task_type"
  package static let queue = "queue"
  package static let schedule = "schedule"
  package static let attempt = "attempt"
  /// Errors thrown so far, this one among them.
  package static let failures = "failures"
  package static let reason = "reason"
  package static let detail = "detail"
  package static let error = "error"
  package static let errorType = "error_type"
  package static let count = "count"
  /// At most ten of those that ``count`` counts.
  package static let types = "task_types"
  package static let queues = "queues"
  /// How long until it is tried again.
  package static let wait = "wait"
  package static let duration = "duration"
  package static let limit = "limit"
  /// Of a line that sums up others: the tasks of the first and the last of them.
  package static let firstTaskID = "first_task_id"
  package static let lastTaskID = "last_task_id"
  /// Of the trace in which the task was enqueued, from its header `traceparent`.
  package static let originTraceID = "origin_trace_id"
  // Of migrations and the outbox.
  package static let schema = "schema"
  package static let version = "version"
  package static let revision = "revision"
  package static let aggregates = "aggregates"
  package static let aggregateType = "aggregate_type"
  package static let aggregateID = "aggregate_id"
  package static let eventID = "event_id"
  package static let eventType = "event_type"
}
