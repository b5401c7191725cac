import TaskQueue

/// A flow of many steps, each with a value of 43 bytes.
struct BenchFlow: TaskPayload {
  static let taskType: TaskType = "bench.flow"
  static let value = String(repeating: "x", count: 41)
  var number: Int
  var steps: Int?
}

/// A flow of one step, which tells when that was recorded.
struct BenchFirstStep: TaskPayload {
  static let taskType: TaskType = "bench.first-step"
  var number: Int
}

/// A flow that tells when it got its event, `bench/` and its number.
struct BenchEventFlow: TaskPayload {
  static let taskType: TaskType = "bench.event"
  var number: Int

  static func key(_ number: Int) -> String { "bench/\(number)" }
}
