/// How hard the flatness scenarios try.
struct FlatSizes: Equatable, Sendable {
  var minutes = 10.0
  /// Tasks per second that are produced while the snapshot is held.
  var rate = 15_000
  var pending = 10_000_000
  var future = 1_000_000
  var dead = 1_000_000
  var limited = 1_000_000
  var sleeping = 10_000_000
  var idleWorkers = 100
  /// Tasks of one drain.
  var tasks = 200_000
  var rounds = 3
  var idleTime: Duration = .seconds(10)

  static let full = FlatSizes()

  static let quick = FlatSizes(
    minutes: 0.5,
    rate: 5_000,
    pending: 300_000,
    future: 100_000,
    dead: 100_000,
    limited: 100_000,
    sleeping: 100_000,
    idleWorkers: 20,
    tasks: 20_000,
    rounds: 1,
    idleTime: .seconds(5)
  )
}
