import CLibpq
import TaskQueue

/// Records steps one by one, each with a commit of its own: the fenced insert that a library without batches would send.
struct RawSteps: Sendable {
  let connectionString: String
  let statements: RawStatements

  /// Claims a task untimed, waits for the others, and records its steps. Blocks.
  func run(_ count: Int, waitForStart: () -> Void) throws {
    let connection: RawConnection
    let ids = RawBigintArray(capacity: 1)
    let tokens = RawBigintArray(capacity: 1)
    do {
      // The others wait for this one, also if it fails.
      defer { waitForStart() }
      connection = try RawConnection(connectionString)
      try connection.prepare("claim", statements.claim(.necessary))
      try connection.prepare("step", statements.step)
      try connection.query("claim", statements.claimParameters(type: BenchFlow.taskType.rawValue, batch: 1)) { result in
        for row in 0..<PQntuples(result) {
          ids.append(PQgetvalue(result, row, 0))
          tokens.append(PQgetvalue(result, row, 1))
        }
      }
      guard ids.count == 1 else { throw BenchmarkError("The raw loop claimed no task.") }
    }
    let parameters = RawParameters(count: 4)
    parameters.set(0, ids)
    parameters.set(1, tokens)
    parameters.set(3, text: "\"\(BenchFlow.value)\"")
    for step in 0..<count {
      parameters.set(2, text: "step#\(step)")
      try connection.execute("step", parameters)
    }
  }
}
