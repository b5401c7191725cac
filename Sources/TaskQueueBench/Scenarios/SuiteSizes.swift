/// How much a round of the suite does.
struct SuiteSizes: Equatable, Sendable {
  /// Tasks of a drain; bulk enqueue and produce + drain take as many.
  var tasks = 200_000
  /// Tasks of the transactional scenario.
  var transactions = 20_000
  /// Steps of flows that run at once, and of the long one.
  var steps = 160_000
  var enqueueTime: Duration = .seconds(2)
  var latencyTasks = 1_000
  var idleTime: Duration = .seconds(10)
  var idleRounds = 3

  static let full = SuiteSizes()

  /// For a whole suite below a minute.
  static let quick = SuiteSizes(
    tasks: 20_000,
    transactions: 3_200,
    steps: 16_000,
    enqueueTime: .milliseconds(400),
    latencyTasks: 100,
    idleTime: .seconds(5),
    idleRounds: 1
  )
}
