/// Every metric there is. The ids are part of the JSON and of the thresholds file.
enum MetricCatalog {
  private static let rawInsert = "raw: INSERT … RETURNING id, prepared, one commit each"
  private static let rawDrainTwo =
    "raw: settle_complete + claim (id, token, due_at) behind the last task in one pipeline, batch 1,000, 2 connections"

  static let enqueueOne = Metric(
    "enqueue-1",
    "Enqueue, 1 caller",
    .tasksPerSecond,
    beside: "\(rawInsert), 1 connection"
  )
  static let enqueueSixteen = Metric(
    "enqueue-16",
    "Enqueue, 16 callers",
    .tasksPerSecond,
    beside: "\(rawInsert), 16 connections"
  )
  static let bulkUnnest = Metric(
    "bulk-unnest",
    "Bulk enqueue",
    .tasksPerSecond,
    beside: "raw: INSERT … SELECT unnest, encoded before, same batch, 1 connection"
  )
  static let bulkCopy = Metric(
    "bulk-copy",
    "Bulk enqueue, beside COPY",
    .tasksPerSecond,
    beside: "raw: COPY binary, encoded before, same batch, 1 connection"
  )
  static let drainOne = Metric("drain-1", "Drain, 1 process", .tasksPerSecond, beside: rawDrainTwo)
  static let drainOneSingle = Metric(
    "drain-1-single",
    "Drain, 1 process, beside 1 connection",
    .tasksPerSecond,
    beside: "raw: the same on 1 connection"
  )
  static let drainOneColumns = Metric(
    "drain-1-columns",
    "Drain, 1 process, beside all columns",
    .tasksPerSecond,
    beside: "raw: the same, but all columns of the claim (SELECT *, as the store reads them), 2 connections"
  )
  static let drainTwo = Metric("drain-2", "Drain, 2 processes", .tasksPerSecond, beside: rawDrainTwo)
  private static let unlimitedDrain = "drain of tasks without limits, 1 process"
  static let limitOneKey = Metric("limit-1", "Drain, 1 key of 100 slots", .tasksPerSecond, beside: unlimitedDrain)
  static let limitHundredKeys = Metric(
    "limit-100",
    "Drain, 100 keys of 10 slots",
    .tasksPerSecond,
    beside: unlimitedDrain
  )
  static let limitManyKeys = Metric(
    "limit-10000",
    "Drain, 10,000 keys of 2 slots",
    .tasksPerSecond,
    beside: unlimitedDrain
  )
  static let limitKeyEach = Metric(
    "limit-each",
    "Drain, a key of its own each",
    .tasksPerSecond,
    beside: unlimitedDrain
  )
  private static let bareDrain = "drain without it, 1 process"
  static let priceMetrics = Metric("price-metrics", "Drain with metrics", .tasksPerSecond, beside: bareDrain)
  static let priceTracing = Metric("price-tracing", "Drain with spans in memory", .tasksPerSecond, beside: bareDrain)
  static let priceHistory = Metric("price-history", "Drain with history", .tasksPerSecond, beside: bareDrain)
  static let priceSchedules = Metric(
    "price-schedules",
    "Drain beside 1,000 schedules",
    .tasksPerSecond,
    beside: bareDrain
  )
  static let priceDashboard = Metric(
    "price-dashboard",
    "Drain beside the reads of 8 open dashboards",
    .tasksPerSecond,
    beside: bareDrain
  )
  static let produceDrain = Metric(
    "produce-drain",
    "Produce + drain at once",
    .tasksPerSecond,
    beside: "raw: unnest of 1,000 on 1 connection, drain on another"
  )
  static let transaction = Metric(
    "transaction",
    "Completion with a business row",
    .tasksPerSecond,
    beside: "raw: claims of 100; BEGIN, fenced delete and INSERT in a round trip, COMMIT in another; 16 connections"
  )
  static let transactionPipelined = Metric(
    "transaction-pipelined",
    "The same in 1 round trip",
    .tasksPerSecond,
    beside: "raw: the same in 1 round trip"
  )
  static let batchHandler = Metric(
    "batch-handler",
    "Batch handler with a row",
    .tasksPerSecond,
    beside: "single handlers: completion with a business row"
  )
  private static let rawSteps = "raw: a fenced INSERT of one step, one commit each, 16 connections"
  static let stepsSixteen = Metric("steps-16", "Steps, 16 flows at once", .stepsPerSecond, beside: rawSteps)
  static let stepsMany = Metric("steps-1000", "Steps, 1,000 flows at once", .stepsPerSecond, beside: rawSteps)
  static let stepMedian = Metric(
    "step-p50",
    "Step to step, one flow, p50",
    .milliseconds,
    beside: "raw: the same INSERT on 1 connection"
  )
  static let stepLate = Metric(
    "step-late",
    "Step to step after 10,000 steps, p50",
    .milliseconds,
    beside: "the first 1,000 steps of the same flow, p50"
  )
  static let firstStep = Metric("first-step-p50", "Commit → first step recorded, p50", .milliseconds)
  static let eventMedian = Metric("event-p50", "Event's commit → flow resumed, p50", .milliseconds)
  static let eventTail = Metric("event-p99", "Event's commit → flow resumed, p99", .milliseconds)
  static let walStep = Metric(
    "wal-step",
    "WAL, a step and its commit",
    .bytesPerStep,
    beside: "raw: the same INSERT on 1 connection"
  )
  static let latencyMedian = Metric(
    "latency-p50",
    "Commit → handler start, p50",
    .milliseconds,
    beside: "raw: NOTIFY → claim answered, p50"
  )
  static let latencyFarTail = Metric(
    "latency-p999",
    "Commit → handler start, p99.9",
    .milliseconds,
    beside: "raw: NOTIFY → claim answered, p99.9"
  )
  static let latencyTail = Metric(
    "latency-p99",
    "Commit → handler start, p99",
    .milliseconds,
    beside: "raw: NOTIFY → claim answered, p99"
  )
  static let idleStatements = Metric(
    "idle-statements",
    "Idle worker, 100 types, 10 queues",
    .statementsPerSecond
  )
  static let cpuClient = Metric(
    "cpu-client",
    "CPU of the client, drain, 1 process",
    .microsecondsPerTask,
    beside: "raw: the same drain, batch 1,000, 2 connections"
  )
  static let cpuServer = Metric(
    "cpu-server",
    "CPU of the server, drain, 1 process",
    .microsecondsPerTask,
    beside: "raw: the same drain, batch 1,000, 2 connections"
  )
  static let walDrain = Metric(
    "wal-drain",
    "WAL, claim + complete",
    .bytesPerTask,
    beside: "raw: the same drain, batch 1,000, 2 connections"
  )
  static let walLife = Metric(
    "wal-life",
    "WAL, whole life",
    .bytesPerTask,
    beside: "raw: unnest of 1,000 on 1 connection, drain on another"
  )
  static let peakMemory = Metric("peak-memory", "Peak memory of a worker process", .megabytes)

  static let suite = [
    enqueueOne, enqueueSixteen, bulkUnnest, bulkCopy, drainOne, drainOneSingle, drainOneColumns, drainTwo,
    limitOneKey, limitHundredKeys, limitManyKeys, limitKeyEach,
    priceMetrics, priceTracing, priceHistory, priceSchedules, priceDashboard,
    produceDrain, transaction, transactionPipelined, batchHandler, stepsSixteen, stepsMany, stepMedian, stepLate,
    firstStep,
    eventMedian, eventTail, walStep, latencyMedian, latencyTail, latencyFarTail, idleStatements, cpuClient, cpuServer,
    walDrain, walLife, peakMemory,
  ]

  static let all = suite + flat + scale + soak
}
