import CLibpq

/// Claims at once when a wake-up comes, and completes.
struct RawListener: Sendable {
  let connectionString: String
  let statements: RawStatements
  let type: String

  /// Blocks until that many tasks have been claimed, or no wake-up comes for two seconds.
  ///
  /// - Parameter onListening: called once it listens.
  /// - Returns: when each claim was answered, by ``MonotonicTime``, in the order of the tasks' ids.
  func run(_ count: Int, onListening: () -> Void) throws -> [Int64] {
    let listener: RawConnection
    let connection: RawConnection
    do {
      // Whoever waits for this one shall also learn of a failure.
      defer { onListening() }
      listener = try RawConnection(connectionString)
      connection = try RawConnection(connectionString)
      try connection.prepare("claim", statements.claim(.all))
      try connection.prepare("complete", statements.complete)
      try listener.run(statements.listen)
    }
    let claim = statements.claimParameters(type: type, batch: 100)
    let complete = RawParameters(count: 2)
    let ids = RawBigintArray(capacity: 100)
    let tokens = RawBigintArray(capacity: 100)
    var times: [Int64] = []
    while times.count < count {
      let isWoken = try listener.waitForNotification(milliseconds: 2_000)
      ids.removeAll()
      tokens.removeAll()
      try connection.query("claim", claim) { result in
        let now = MonotonicTime.nanoseconds
        for row in 0..<PQntuples(result) {
          ids.append(PQgetvalue(result, row, 0))
          tokens.append(PQgetvalue(result, row, 1))
          times.append(now)
        }
      }
      if !isWoken, ids.count == 0 { break }
      complete.set(0, ids)
      complete.set(1, tokens)
      if ids.count > 0 { try connection.execute("complete", complete) }
    }
    return times
  }
}
