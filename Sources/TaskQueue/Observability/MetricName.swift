/// One of the library's metrics: its name, kind, labels and meaning. All of them stand in ``all``, and in the table of `docs/observability.md`,
/// which a test holds against each other.
package struct MetricName: Hashable, Sendable {
  package enum Kind: String, Sendable { case counter, gauge, timer, recorder }

  package let label: String
  package let kind: Kind
  /// In the order in which their values are given.
  package let dimensions: [String]
  package let help: String

  private init(_ label: String, _ kind: Kind, _ help: String) { self.init(label, kind, [], help) }

  private init(_ label: String, _ kind: Kind, _ dimensions: [String], _ help: String) {
    self.label = label
    self.kind = kind
    self.dimensions = dimensions
    self.help = help
  }
}

extension MetricName {
  // MARK: Of tasks

  static let enqueued = MetricName(
    "taskqueue_enqueued_total",
    .counter,
    ["queue", "type"],
    "Tasks stored by clients and flows; those of a transaction count even if it rolls back."
  )
  static let attempts = MetricName(
    "taskqueue_attempts_total",
    .counter,
    ["queue", "type", "outcome"],
    "Attempts that ended."
  )
  static let attemptDuration = MetricName(
    "taskqueue_attempt_duration",
    .timer,
    ["queue", "type"],
    "How long attempts ran."
  )
  static let waitDuration = MetricName(
    "taskqueue_wait_duration",
    .timer,
    ["queue", "type"],
    "From the time at which a task was due until a worker claimed it, by the store's clock."
  )
  static let retries = MetricName(
    "taskqueue_retries_total",
    .counter,
    ["queue", "type"],
    "Failed attempts after which there is another one."
  )
  static let dead = MetricName(
    "taskqueue_dead_total",
    .counter,
    ["queue", "type", "reason"],
    "Tasks that became dead letters."
  )
  static let leasesLost = MetricName(
    "taskqueue_leases_lost_total",
    .counter,
    ["queue", "type"],
    "Leases that ended or were taken over while an attempt was held."
  )
  static let staleOutcomes = MetricName(
    "taskqueue_stale_outcomes_total",
    .counter,
    ["queue", "type"],
    "Outcomes that came when their claim had lost the task, and were not recorded."
  )
  static let batchSize = MetricName(
    "taskqueue_batch_size",
    .recorder,
    ["type"],
    "Tasks per call of a batch handler."
  )

  // MARK: Of flows, effects and limits

  static let stepDuration = MetricName(
    "taskqueue_step_duration",
    .timer,
    ["type"],
    "How long bodies of steps ran, until the step was recorded or had failed."
  )
  static let effectDuration = MetricName(
    "taskqueue_effect_duration",
    .timer,
    ["type"],
    "How long calls and lookups of effects took."
  )
  static let limitWait = MetricName(
    "taskqueue_limit_wait",
    .timer,
    ["limit"],
    "How long handlers waited for a limit to let their call through."
  )

  // MARK: Of queues

  static let depth = MetricName(
    "taskqueue_depth",
    .gauge,
    ["queue", "state"],
    "Tasks of a queue by state, counted to 1000 and no further."
  )
  static let oldestDue = MetricName(
    "taskqueue_oldest_due_seconds",
    .gauge,
    ["queue"],
    "For how long the task that waits longest for a worker has been due."
  )

  // MARK: Of a worker

  static let inFlight = MetricName(
    "taskqueue_in_flight",
    .gauge,
    ["queue", "type"],
    "Attempts that run in this process's workers."
  )
  static let slots = MetricName("taskqueue_slots", .gauge, "Attempts that a worker runs at a time at most.")
  static let unhandled = MetricName(
    "taskqueue_unhandled",
    .gauge,
    ["queue", "type"],
    "Due tasks that the worker has no handler for."
  )
  static let unservedQueues = MetricName(
    "taskqueue_unserved_queues",
    .gauge,
    "Queues with due tasks that no worker takes."
  )
  static let storeCallDuration = MetricName(
    "taskqueue_store_call_duration",
    .timer,
    ["call"],
    "How long the worker's calls of the store took."
  )
  static let storeFailures = MetricName(
    "taskqueue_store_failures_total",
    .counter,
    ["call"],
    "Calls of the store by the worker that failed."
  )
  static let claimedCount = MetricName("taskqueue_exchange_claimed", .recorder, "Tasks that one claim brought.")
  static let settledCount = MetricName(
    "taskqueue_exchange_settled",
    .recorder,
    "Outcomes that one exchange recorded together."
  )
  static let listenerReconnects = MetricName(
    "taskqueue_listener_reconnects_total",
    .counter,
    "Connections for wake-ups that were opened again."
  )
  static let schedulesFired = MetricName(
    "taskqueue_schedules_fired_total",
    .counter,
    "Schedules that the worker moved on."
  )
  static let scheduleLateness = MetricName(
    "taskqueue_schedule_lateness",
    .timer,
    "From the time of a schedule's slot until its task was made, by the store's clock."
  )

  // MARK: Of a store's connections

  static let poolConnections = MetricName(
    "taskqueue_pool_connections",
    .gauge,
    ["pool", "state"],
    "Connections that are open."
  )
  static let poolWaiting = MetricName(
    "taskqueue_pool_waiting",
    .gauge,
    ["pool"],
    "Callers that wait for a connection."
  )
  static let poolWaits = MetricName(
    "taskqueue_pool_waits_total",
    .counter,
    ["pool"],
    "Waits for a connection that have ended, however."
  )
  static let poolWaitSeconds = MetricName(
    "taskqueue_pool_wait_seconds_total",
    .counter,
    ["pool"],
    "The time that these waits took together."
  )
  static let poolTimeouts = MetricName(
    "taskqueue_pool_timeouts_total",
    .counter,
    ["pool"],
    "Waits that ended without a connection because their time was over."
  )

  // MARK: Of upkeep and alarms

  static let retentionDropped = MetricName(
    "taskqueue_retention_dropped_total",
    .counter,
    ["kind"],
    "What upkeep dropped because its time was over."
  )

  static let overdue = MetricName("taskqueue_overdue", .gauge, ["type"], "Tasks that are late by their alarm rule.")
  static let effects = MetricName("taskqueue_effects", .gauge, ["type", "kind"], "Effects that need somebody.")
  static let oldestEffect = MetricName(
    "taskqueue_effects_oldest_seconds",
    .gauge,
    ["type", "kind"],
    "Age of the oldest effect that needs somebody."
  )

  package static let all: [MetricName] = [
    enqueued, attempts, attemptDuration, waitDuration, retries, dead, leasesLost, staleOutcomes, batchSize,
    stepDuration, effectDuration, limitWait, depth, oldestDue, inFlight, slots, unhandled, unservedQueues,
    storeCallDuration, storeFailures, claimedCount, settledCount, listenerReconnects, schedulesFired,
    scheduleLateness, poolConnections, poolWaiting, poolWaits, poolWaitSeconds, poolTimeouts, retentionDropped, overdue,
    effects,
    oldestEffect,
  ]
}
