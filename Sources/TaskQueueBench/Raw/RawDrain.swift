import CLibpq
import Foundation

/// Completes the previous batch and claims the next in one pipeline with one commit, until nothing is left.
struct RawDrain: Sendable {
  let connectionString: String
  let statements: RawStatements
  let type: String
  let batch: Int
  let columns: RawStatements.ClaimColumns

  /// Blocks.
  ///
  /// - Parameter isFinished: asked when a claim comes back empty, whether to stop.
  /// - Returns: how many tasks it completed.
  func run(until isFinished: (_ completed: Int) -> Bool = { _ in true }) throws -> Int {
    let connection = try RawConnection(connectionString)
    try connection.prepare("complete", statements.complete)
    try connection.prepare("claim", statements.claim(columns))
    try connection.enterPipeline()
    let claim = statements.claimParameters(type: type, batch: batch)
    let complete = RawParameters(count: 2)
    let ids = RawBigintArray(capacity: batch)
    let tokens = RawBigintArray(capacity: batch)
    var completed = 0
    while true {
      complete.set(0, ids)
      complete.set(1, tokens)
      if ids.count > 0 { try connection.send("complete", complete) }
      try connection.send("claim", claim)
      try connection.sync()
      if ids.count > 0 { completed += try connection.next { Int(PQntuples($0)) } }
      ids.removeAll()
      tokens.removeAll()
      try connection.next { result in
        for row in 0..<PQntuples(result) {
          ids.append(PQgetvalue(result, row, 0))
          tokens.append(PQgetvalue(result, row, 1))
        }
      }
      try connection.synced()
      if ids.count == 0 {
        if isFinished(completed) { return completed }
        // Asking without a pause would take the processor away from who fills the table.
        usleep(1_000)
      }
    }
  }
}
