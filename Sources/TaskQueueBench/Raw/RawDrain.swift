import CLibpq
import Foundation

/// Completes the previous batch and claims the next in one pipeline with one commit, until nothing is left.
struct RawDrain: Sendable {
  let connectionString: String
  let statements: RawStatements
  let type: String
  let batch: Int
  let columns: RawStatements.ClaimColumns
  /// Whether to claim behind the last task, as workers do. Not while others add tasks: this loop never looks back.
  var isBehindPlace = true

  /// Blocks.
  ///
  /// - Parameter isFinished: asked when a claim comes back empty, whether to stop.
  /// - Returns: how many tasks it completed.
  func run(until isFinished: (_ completed: Int) -> Bool = { _ in true }) throws -> Int {
    let connection = try RawConnection(connectionString)
    try connection.prepare("complete", statements.complete)
    try connection.prepare("claim", statements.claim(columns, isBehindPlace: isBehindPlace))
    try connection.enterPipeline()
    let claim = statements.claimParameters(type: type, batch: batch, isBehindPlace: isBehindPlace)
    let complete = RawParameters(count: 2)
    let ids = RawBigintArray(capacity: batch)
    let tokens = RawBigintArray(capacity: batch)
    var completed = 0
    var place = Place()
    while true {
      if isBehindPlace {
        claim.set(5, place.dueAt)
        claim.set(6, place.id)
      }
      complete.set(0, ids)
      complete.set(1, tokens)
      if ids.count > 0 { try connection.send("complete", complete) }
      try connection.send("claim", claim)
      try connection.sync()
      if ids.count > 0 { completed += try connection.next { Int(PQntuples($0)) } }
      ids.removeAll()
      tokens.removeAll()
      try connection.next { result in
        let dueAt = PQfnumber(result, "due_at")
        for row in 0..<PQntuples(result) {
          ids.append(PQgetvalue(result, row, 0))
          tokens.append(PQgetvalue(result, row, 1))
          place.pass(Place(dueAt: PQgetvalue(result, row, dueAt), id: PQgetvalue(result, row, 0)))
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

  /// The last task claimed so far. Times are PostgreSQL's microseconds.
  private struct Place {
    var dueAt = Int64.min
    var id = Int64.min

    init() {}

    init(dueAt: UnsafePointer<CChar>, id: UnsafePointer<CChar>) {
      self.dueAt = Self.integer(dueAt)
      self.id = Self.integer(id)
    }

    mutating func pass(_ other: Place) {
      if (dueAt, id) < (other.dueAt, other.id) { self = other }
    }

    private static func integer(_ bytes: UnsafePointer<CChar>) -> Int64 {
      Int64(bigEndian: UnsafeRawPointer(bytes).loadUnaligned(as: Int64.self))
    }
  }
}
