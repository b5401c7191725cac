import CLibpq

/// Claims tasks and completes them one by one, each in a transaction with one business row.
struct RawTransactions: Sendable {
  /// From BEGIN to COMMIT.
  enum RoundTrips: Sendable {
    case one
    /// COMMIT by itself, as where the caller looks at what its statement returned.
    case two
  }

  /// Tasks of a claim.
  private static let batch = 100
  /// Claims that find nothing, since others look at the same rows, before it gives up.
  private static let maxMisses = 10_000

  let connectionString: String
  let statements: RawStatements
  let type: String

  /// Waits for the others, and works through its share of the tasks. Blocks.
  ///
  /// - Parameter waitForStart: called before the first claim.
  /// - Returns: how many it completed.
  func run(_ count: Int, in roundTrips: RoundTrips, waitForStart: () -> Void) throws -> Int {
    let connection: RawConnection
    do {
      // The others wait for this one, also if it fails.
      defer { waitForStart() }
      connection = try RawConnection(connectionString)
      try prepare(connection)
    }
    var completed = 0
    var misses = 0
    while completed < count, misses < Self.maxMisses {
      let ids = RawBigintArray(capacity: Self.batch)
      let tokens = RawBigintArray(capacity: Self.batch)
      try claim(connection, ids, tokens, min(Self.batch, count - completed))
      if ids.count == 0 { misses += 1 }
      try complete(connection, ids, tokens, in: roundTrips)
      completed += ids.count
    }
    return completed
  }

  private func complete(
    _ connection: RawConnection,
    _ ids: RawBigintArray,
    _ tokens: RawBigintArray,
    in roundTrips: RoundTrips
  ) throws {
    let none = RawParameters(count: 0)
    let complete = RawParameters(count: 2)
    let business = RawParameters(count: 1)
    business.set(0, text: "1")
    let id = RawBigintArray(capacity: 1)
    let token = RawBigintArray(capacity: 1)
    try connection.enterPipeline()
    for index in 0..<ids.count {
      id.setOnly(index, of: ids)
      token.setOnly(index, of: tokens)
      complete.set(0, id)
      complete.set(1, token)
      let work = [("begin", none), ("complete", complete), ("business", business)]
      let commit = [("commit", none)]
      switch roundTrips {
      case .one: try pipeline(connection, work + commit)
      case .two:
        try pipeline(connection, work)
        try pipeline(connection, commit)
      }
    }
    try connection.exitPipeline()
  }

  private func pipeline(_ connection: RawConnection, _ steps: [(String, RawParameters)]) throws {
    for (name, parameters) in steps { try connection.send(name, parameters) }
    try connection.sync()
    for _ in steps { try connection.skip() }
    try connection.synced()
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
