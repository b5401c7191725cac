import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ClaimedTask {
  /// Columns of the function `_claim`; the last two are of its last row, which is no task.
  static let columnCount = 20

  /// A row of the function `_claim`.
  ///
  /// Headers or a retry policy that plain SQL stored in another shape are left out: one bad row must not stop the others.
  init(_ row: LibpqRow) throws(LibpqError) {
    let steps = try row.optionalData(17)
    self.init(
      claim: Claim(id: TaskID(try row.int8(0)), token: try row.int8(1)),
      queue: QueueName(try row.text(2)),
      type: TaskType(try row.text(3)),
      priority: Int(try row.int4(4)),
      payload: try row.data(5),
      headers: StoredJSON.headers(try row.optionalData(6)),
      attempt: Int(try row.int4(7)),
      failures: Int(try row.int4(8)),
      crashes: Int(try row.int4(9)),
      maxAttempts: try row.optionalInt4(10).map(Int.init),
      retry: StoredJSON.retry(try row.optionalData(11)),
      deadline: try row.optionalTimestamptz(12),
      createdAt: try row.timestamptz(13),
      dueAt: try row.timestamptz(14),
      claimedAt: try row.timestamptz(15),
      isCancelRequested: try row.bool(16),
      steps: steps.map(FlowJournalRows.steps) ?? [],
      isFollowed: steps != nil
    )
  }
}

/// The JSON columns that are not the payload. What does not fit is read as absent.
enum StoredJSON {
  static func headers(_ data: Data?) -> [String: String] {
    data.flatMap { try? JSONDecoder().decode([String: String].self, from: $0) } ?? [:]
  }

  static func retry(_ data: Data?) -> StoredRetryPolicy? {
    guard let policy = data.flatMap({ try? JSONDecoder().decode(StoredRetryPolicy.self, from: $0) }) else { return nil }
    return (try? policy.validate()) == nil ? nil : policy
  }

  static func errors(_ data: Data?) -> [TaskFailure] {
    data.flatMap { try? JSONDecoder().decode([TaskFailure].self, from: $0) } ?? []
  }
}
