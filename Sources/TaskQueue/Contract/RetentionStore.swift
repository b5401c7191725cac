/// Where what nobody needs any more is dropped, so that no table grows for ever.
@_spi(Store) public protocol RetentionStore: Sendable {
  /// Drops what has been kept for its time, at most ``Limits/page`` of a kind: dead letters but those that hold up a line or have an effect without a
  /// known outcome, settled effects of tasks that are gone, lines of the journal, and received events whose own time is over.
  func dropExpired(
    by retention: RetentionConfiguration,
    within limit: Duration
  ) async throws(TaskQueueError) -> RetentionReport
}

/// How many of each kind were dropped.
@_spi(Store) public struct RetentionReport: Hashable, Sendable {
  public var deadLetters = 0
  public var effects = 0
  public var actions = 0
  public var inboxEvents = 0

  public init() {}

  /// As metrics name the kinds.
  public var counts: [(kind: String, count: Int)] {
    [("dead_letters", deadLetters), ("effects", effects), ("actions", actions), ("inbox_events", inboxEvents)]
  }

  /// A page of some kind was dropped.
  public var mayHaveMore: Bool { counts.contains { $0.count >= Limits.page } }
}
