import Foundation

/// Commits single tasks with a wake-up, at a steady pace.
struct RawWaker: Sendable {
  let connectionString: String
  let statements: RawStatements
  let type: String

  /// Blocks.
  ///
  /// - Returns: for each task, numbered from 0, when its COMMIT was answered, by ``MonotonicTime``.
  func run(_ count: Int, interval: Duration) throws -> [Int64] {
    let connection = try RawConnection(connectionString)
    try connection.prepare("insert", statements.insert)
    try connection.prepare("wake", statements.wake)
    let none = RawParameters(count: 0)
    try connection.enterPipeline()
    var commits: [Int64] = []
    var next = ContinuousClock.now
    for number in 0..<count {
      next += interval
      let pause = ContinuousClock.now.duration(to: next)
      if pause > .zero { Thread.sleep(forTimeInterval: pause / .seconds(1)) }
      let parameters = RawParameters(count: 2)
      parameters.set(0, text: type)
      parameters.set(1, text: "{\"number\":\(number)}")
      try connection.send("insert", parameters)
      try connection.send("wake", none)
      try connection.sync()
      try connection.skip()
      try connection.skip()
      try connection.synced()
      commits.append(MonotonicTime.nanoseconds)
    }
    return commits
  }
}
