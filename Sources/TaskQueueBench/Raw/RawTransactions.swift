import CLibpq

/// Completes tasks one by one, each in a transaction with one business row.
struct RawTransactions: Sendable {
  let connectionString: String
  let statements: RawStatements
  let type: String

  /// Claims a share of the tasks untimed, waits for the others, and works through it. Blocks.
  ///
  /// - Parameters:
  ///   - isPipelined: BEGIN to COMMIT in one round trip, else in four, as pgbench does.
  ///   - waitForStart: called between the claim and the first transaction.
  /// - Returns: how many it completed.
  func run(claiming count: Int, isPipelined: Bool, waitForStart: () -> Void) throws -> Int {
    let connection: RawConnection
    let ids = RawBigintArray(capacity: count)
    let tokens = RawBigintArray(capacity: count)
    do {
      // The others wait for this one, also if it fails.
      defer { waitForStart() }
      connection = try RawConnection(connectionString)
      try prepare(connection)
      try claim(connection, ids, tokens, count)
    }
    let none = RawParameters(count: 0)
    let complete = RawParameters(count: 2)
    let business = RawParameters(count: 1)
    business.set(0, text: "1")
    let id = RawBigintArray(capacity: 1)
    let token = RawBigintArray(capacity: 1)
    if isPipelined { try connection.enterPipeline() }
    for index in 0..<ids.count {
      id.setOnly(index, of: ids)
      token.setOnly(index, of: tokens)
      complete.set(0, id)
      complete.set(1, token)
      let steps = [("begin", none), ("complete", complete), ("business", business), ("commit", none)]
      if isPipelined {
        for (name, parameters) in steps { try connection.send(name, parameters) }
        try connection.sync()
        for _ in steps { try connection.skip() }
        try connection.synced()
      } else {
        for (name, parameters) in steps { try connection.execute(name, parameters) }
      }
    }
    return ids.count
  }

  private func prepare(_ connection: RawConnection) throws {
    try connection.prepare("begin", "BEGIN")
    try connection.prepare("commit", "COMMIT")
    try connection.prepare("complete", statements.complete)
    try connection.prepare("business", RawStatements.business)
    try connection.prepare("claim", statements.claim(.necessary))
  }

  private func claim(
    _ connection: RawConnection,
    _ ids: RawBigintArray,
    _ tokens: RawBigintArray,
    _ count: Int
  ) throws {
    let parameters = statements.claimParameters(type: type, batch: count)
    try connection.query("claim", parameters) { result in
      for row in 0..<PQntuples(result) {
        ids.append(PQgetvalue(result, row, 0))
        tokens.append(PQgetvalue(result, row, 1))
      }
    }
  }
}
