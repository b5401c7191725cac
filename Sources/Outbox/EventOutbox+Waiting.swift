public import Libpq
import TaskQueue

extension EventOutbox {
  /// An aggregate's events that wait, oldest first. By the index of waiting ones.
  ///
  /// - Throws: `LibpqError`.
  public func unpublished(
    aggregateType: String,
    aggregateID: String,
    limit: Int = 100,
    in database: some LibpqQueryable
  ) async throws(LibpqError) -> [OutboxEvent] {
    let result = try await database.query(
      """
      SELECT \(OutboxEvent.columns) FROM \(name("outbox"))
      WHERE aggregatetype = $1 AND aggregateid = $2 AND published_at IS NULL ORDER BY sequence LIMIT $3
      """,
      [.text(aggregateType), .text(aggregateID), .int8(Int64(limit))]
    )
    return try result.rows.map { row throws(LibpqError) in try OutboxEvent(row) }
  }

  /// The events that hold up others or wait themselves: of each aggregate the first one, if it waits for longer than that. The longest
  /// waiting first.
  ///
  /// - Throws: `LibpqError`.
  public func stuck(
    longerThan age: Duration,
    limit: Int = 100,
    in database: some LibpqQueryable
  ) async throws(LibpqError) -> [OutboxEvent] {
    let result = try await database.query(
      """
      SELECT \(OutboxEvent.columns) FROM \(name("outbox")) AS o
      WHERE published_at IS NULL AND at < now() - $1::interval AND NOT EXISTS (
        SELECT FROM \(name("outbox")) AS p WHERE p.aggregatetype = o.aggregatetype AND p.aggregateid = o.aggregateid
          AND p.sequence < o.sequence AND p.published_at IS NULL)
      ORDER BY at LIMIT $2
      """,
      [.interval(age), .int8(Int64(limit))]
    )
    return try result.rows.map { row throws(LibpqError) in try OutboxEvent(row) }
  }

  /// How many events wait, counted up to ``countLimit``, and how long the oldest has.
  ///
  /// - Throws: `LibpqError`.
  public func backlog(in database: some LibpqQueryable) async throws(LibpqError) -> OutboxBacklog {
    let row = try await database.query(
      """
      SELECT (SELECT count(*) FROM (SELECT FROM \(name("outbox")) WHERE published_at IS NULL LIMIT $1) AS waiting),
        coalesce((SELECT extract(epoch FROM now() - at)::float8 FROM \(name("outbox"))
          WHERE published_at IS NULL ORDER BY at LIMIT 1), 0)
      """,
      [.int8(Int64(Self.countLimit))]
    )[0]
    return OutboxBacklog(count: Int(try row.int8(0)), oldest: .seconds(max(0, try row.float8(1))))
  }

  /// Gives an event up, so that its aggregate's next ones are delivered: for an operator, about one that its receiver will never take.
  ///
  /// The reason stays in the row until it is purged. An attempt that runs at this moment may deliver the event all the same.
  ///
  /// - Parameter reason: 1 to 4096 bytes.
  /// - Returns: false: there is no such event that waits.
  /// - Throws: `LibpqError`.
  @discardableResult
  public func skip(
    _ eventID: String,
    reason: String,
    in database: some LibpqQueryable
  ) async throws(LibpqError) -> Bool {
    try await database.query(
      "SELECT \(name("outbox_skip"))($1, $2)",
      [.unknown(eventID), .text(reason)]
    )[0].bool(0)
  }

  /// Makes tasks for aggregates whose events wait for longer than that and have none, at most ``page``: it was cancelled, became a dead
  /// letter, or was lost by a restore. Tasks that are there, and their backoff, stay as they are.
  ///
  /// One round trip, and one more for each that it finds: apart, so that it never waits for one aggregate while another waits for it.
  /// Reads the queue's tasks, as the role of a worker may.
  ///
  /// - Returns: for how many.
  /// - Throws: `LibpqError`.
  @discardableResult
  public func recover(longerThan age: Duration, in pool: LibpqPool) async throws(LibpqError) -> Int {
    let found = try await pool.query(
      """
      SELECT w.aggregatetype, w.aggregateid FROM (
        SELECT DISTINCT aggregatetype, aggregateid FROM \(name("outbox"))
        WHERE published_at IS NULL AND at < now() - $1::interval) AS w
      WHERE NOT EXISTS (SELECT FROM \(LibpqIdentifier.quoted(taskQueueSchema)).task AS t
        WHERE t.queue = $2 AND t.unique_key = $3 || ':' || w.aggregatetype || ':' || w.aggregateid)
      ORDER BY w.aggregatetype, w.aggregateid LIMIT $4
      """,
      [.interval(age), .text(Self.queue.rawValue), .text(taskType.rawValue), .int8(Int64(Self.page))]
    )
    for row in found.rows { _ = try await pool.query(waking(try row.text(0), try row.text(1))) }
    return found.rowCount
  }

  /// Removes the oldest published events, at most ``page``; those that wait are never removed.
  ///
  /// - Returns: how many.
  /// - Throws: `LibpqError`.
  @discardableResult
  public func purge(olderThan age: Duration, in database: some LibpqQueryable) async throws(LibpqError) -> Int {
    try await database.query(
      """
      DELETE FROM \(name("outbox")) WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM \(name("outbox")) WHERE published_at < now() - $1::interval
        ORDER BY published_at LIMIT $2 FOR UPDATE SKIP LOCKED))
      """,
      [.interval(age), .int8(Int64(Self.page))]
    ).affectedRows
  }

  /// Makes the task that publishes an aggregate's events, or has it run at once or after a delay.
  func waking(_ aggregateType: String, _ aggregateID: String, after delay: Duration = .zero) -> LibpqStatement {
    LibpqStatement(
      "SELECT \(name("outbox_wake"))($1, $2, $3)",
      [.text(aggregateType), .text(aggregateID), .interval(delay)]
    )
  }

  /// An acknowledgement is true whoever reports it, so nothing is fenced here.
  func marking(_ events: [OutboxEvent]) -> LibpqStatement {
    LibpqStatement(
      "UPDATE \(name("outbox")) SET published_at = now() WHERE id = ANY ($1::text[]::uuid[]) AND published_at IS NULL",
      [.textArray(events.map(\.id))]
    )
  }
}

/// Events that wait for their delivery.
public struct OutboxBacklog: Hashable, Sendable {
  /// At most ``EventOutbox/countLimit``.
  public var count: Int
  /// How long the oldest one waits; zero: there is none.
  public var oldest: Duration

  public init(count: Int, oldest: Duration) {
    self.count = count
    self.oldest = oldest
  }
}
