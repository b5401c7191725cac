extension MetricCatalog {
  static let flatSnapshot = Metric(
    "flat-snapshot",
    "Throughput under a held snapshot, last part",
    .tasksPerSecond,
    beside: "the first part of the same length (a minute, or a quarter of a shorter run)"
  )
  static let flatLateCommit = Metric(
    "flat-late-commit",
    "Late commit with old ids → handler start, worst",
    .milliseconds
  )
  static let flatNewcomer = Metric("flat-newcomer", "Priority-1 newcomer → handler start, worst", .milliseconds)
  static let flatPending = Metric(
    "flat-pending",
    "Drain with many pending",
    .tasksPerSecond,
    beside: "drains of a small table before and after"
  )
  static let flatPendingNewcomer = Metric(
    "flat-pending-newcomer",
    "Priority-1 newcomer behind them → handler start, worst",
    .milliseconds
  )
  static let flatFuture = Metric(
    "flat-future",
    "Drain with many in the future",
    .tasksPerSecond,
    beside: "drains without them before"
  )
  static let flatDead = Metric(
    "flat-dead",
    "Drain with many dead letters",
    .tasksPerSecond,
    beside: "drains without them before"
  )
  static let flatLimited = Metric(
    "flat-limited",
    "Drain with many in line at one key",
    .tasksPerSecond,
    beside: "drains without them before"
  )
  static let flatSleeping = Metric(
    "flat-sleeping",
    "Drain with many sleeping flows",
    .tasksPerSecond,
    beside: "drains without them before"
  )
  static let flatIdle = Metric(
    "flat-idle",
    "Drain beside idle workers",
    .tasksPerSecond,
    beside: "drain without them in the same round"
  )
  static let flatIdleStatements = Metric("flat-idle-statements", "All idle workers together", .statementsPerSecond)

  static let flat = [
    flatSnapshot, flatLateCommit, flatNewcomer, flatPending, flatPendingNewcomer, flatFuture, flatDead, flatLimited,
    flatSleeping, flatIdle, flatIdleStatements,
  ]

  static let scaleOne = Metric("scale-1", "Drain, 1 process", .tasksPerSecond)
  static let scaleTwo = Metric("scale-2", "Drain, 2 processes", .tasksPerSecond, beside: "1 process in the same round")
  static let scaleFour = Metric("scale-4", "Drain, 4 processes", .tasksPerSecond, beside: "1 process in the same round")
  static let scalePooledOne = Metric(
    "scale-pgbouncer-1",
    "Drain through PgBouncer, 1 process",
    .tasksPerSecond,
    beside: "1 process without PgBouncer in the same round"
  )
  static let scalePooledTwo = Metric(
    "scale-pgbouncer-2",
    "Drain through PgBouncer, 2 processes",
    .tasksPerSecond,
    beside: "1 process without PgBouncer in the same round"
  )
  static let scalePooledFour = Metric(
    "scale-pgbouncer-4",
    "Drain through PgBouncer, 4 processes",
    .tasksPerSecond,
    beside: "1 process without PgBouncer in the same round"
  )
  static let herdClaims = Metric(
    "herd-claims",
    "Claims for one task, 4 idle processes",
    .claimsPerTask,
    beside: "1 idle process"
  )

  static let scale = [
    scaleOne, scaleTwo, scaleFour, scalePooledOne, scalePooledTwo, scalePooledFour, herdClaims,
  ]

  static let soakMemory = Metric(
    "soak-memory",
    "Resident memory, last quarter",
    .megabytes,
    beside: "the second quarter"
  )
  static let soakDescriptors = Metric(
    "soak-descriptors",
    "Open descriptors, last quarter",
    .count,
    beside: "the second quarter"
  )
  static let soakThreads = Metric("soak-threads", "Threads, last quarter", .count, beside: "the second quarter")
  static let soakConnections = Metric(
    "soak-connections",
    "Server connections, last quarter",
    .count,
    beside: "the second quarter"
  )
  static let soakThroughput = Metric(
    "soak-throughput",
    "Produce + drain, last quarter",
    .tasksPerSecond,
    beside: "the second quarter"
  )
  static let soakPeakMemory = Metric("soak-peak-memory", "Peak memory of the worker process", .megabytes)

  static let soak = [
    soakMemory, soakDescriptors, soakThreads, soakConnections, soakThroughput, soakPeakMemory,
  ]
}
