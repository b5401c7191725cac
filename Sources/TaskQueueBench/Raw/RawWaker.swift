import Foundation
import TaskQueue

/// Commits single tasks with a wake-up, or events, at a steady pace.
struct RawWaker: Sendable {
  enum Work: Sendable {
    case tasks(TaskType)
    /// Emitted to ``BenchEventFlow``s.
    case events
  }

  let connectionString: String
  let statements: RawStatements
  let work: Work

  /// Blocks.
  ///
  /// - Returns: for each task or event, numbered from 0, when its COMMIT was answered, by ``MonotonicTime``.
  func run(_ count: Int, interval: Duration) throws -> [Int64] {
    let connection = try RawConnection(connectionString)
    let parameters = RawParameters(count: 2)
    switch work {
    case .tasks(let type):
      try connection.prepare("write", statements.insert)
      parameters.set(0, text: type.rawValue)
    case .events:
      try connection.prepare("write", statements.emit)
      parameters.set(1, text: "1")
    }
    try connection.prepare("wake", statements.wake)
    let none = RawParameters(count: 0)
    try connection.enterPipeline()
    var commits: [Int64] = []
    var next = ContinuousClock.now
    for number in 0..<count {
      next += interval
      let pause = ContinuousClock.now.duration(to: next)
      if pause > .zero { Thread.sleep(forTimeInterval: pause / .seconds(1)) }
      switch work {
      case .tasks: parameters.set(1, text: "{\"number\":\(number)}")
      case .events: parameters.set(0, text: BenchEventFlow.key(number))
      }
      try connection.send("write", parameters)
      // An event wakes by itself.
      if case .tasks = work { try connection.send("wake", none) }
      try connection.sync()
      try connection.skip()
      if case .tasks = work { try connection.skip() }
      try connection.synced()
      commits.append(MonotonicTime.nanoseconds)
    }
    return commits
  }
}
