import Synchronization

extension LibpqConnection {
  /// The first eight digits of the name of a WAL file are the timeline. A standby has none of its own.
  static let timelineColumn = """
    CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END
    """

  /// What ``learnTimeline(_:)`` found.
  var timeline: String? { core.status.withLock { $0.timeline } }

  /// Asks for the server's timeline. Where the server does not tell, it stays unknown; only a lost connection is an error.
  func learnTimeline(_ deadline: CallDeadline?) async throws(LibpqError) {
    let statement = LibpqStatement("SELECT \(Self.timelineColumn)")
    do throws(LibpqError) {
      let result =
        if let deadline { try await query(statement, deadline) } else {
          try await query(statement, within: core.configuration.connectTimeout)
        }
      let timeline = try result[0].optionalText(0)
      core.status.withLock { $0.timeline = timeline }
    } catch {
      guard error.code != .server else { return }
      // Nothing of the caller's has been sent yet.
      var error = error
      error.isOutcomeUnknown = false
      throw error
    }
  }
}
