public import Libpq

/// What becomes of events that are appended.
public struct OutboxMode: RawRepresentable, Hashable, Sendable {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }

  /// Nothing is written: there is nobody who would ever take the events away. The mode of a new outbox.
  public static let off = OutboxMode(rawValue: "off")
  /// They are written, and tasks deliver them (``EventOutbox/registerPublisher(in:client:transport:configuration:)``).
  public static let publisher = OutboxMode(rawValue: "publisher")
  /// They are written, and a reader of the database's write-ahead log delivers them, such as Debezium. There are no tasks, and an event
  /// counts as published when it is committed.
  public static let log = OutboxMode(rawValue: "log")
}

extension EventOutbox {
  /// Says what becomes of events, in all processes: of transactions that begin after this one is committed. Those that wait stay.
  ///
  /// - Throws: `LibpqError`.
  public func setMode(_ mode: OutboxMode, in database: some LibpqQueryable) async throws(LibpqError) {
    try await database.query(
      """
      INSERT INTO \(name("outbox_setting")) AS s (mode) VALUES ($1)
      ON CONFLICT (is_only) DO UPDATE SET mode = excluded.mode WHERE s.mode <> excluded.mode
      """,
      [.text(mode.rawValue)]
    )
  }

  /// - Throws: `LibpqError`.
  public func mode(in database: some LibpqQueryable) async throws(LibpqError) -> OutboxMode {
    let result = try await database.query("SELECT mode FROM \(name("outbox_setting"))")
    return OutboxMode(rawValue: try result.rows.first?.text(0) ?? OutboxMode.off.rawValue)
  }
}
