import Libpq

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// An event as it stands in the outbox.
public struct OutboxEvent: Hashable, Sendable {
  /// A UUID in lower case; the same in every delivery. What a receiver tells repetitions by.
  public var id: String
  /// What kind of thing it is about, such as `order`. Debezium's `aggregatetype`.
  public var aggregateType: String
  /// Which one. Events of one aggregate are delivered in order.
  public var aggregateID: String
  /// Counts the aggregate's events from 1 without gaps.
  public var sequence: Int64
  /// What happened.
  public var type: String
  /// When, by the database's clock.
  public var at: Date
  /// As written: UTF-8 JSON.
  public var payload: Data

  public init(
    id: String,
    aggregateType: String,
    aggregateID: String,
    sequence: Int64,
    type: String,
    at: Date,
    payload: Data
  ) {
    self.id = id
    self.aggregateType = aggregateType
    self.aggregateID = aggregateID
    self.sequence = sequence
    self.type = type
    self.at = at
    self.payload = payload
  }

  static let columns = "id::text, aggregatetype, aggregateid, sequence, type, at, payload"

  /// From ``columns``.
  init(_ row: LibpqRow) throws(LibpqError) {
    self.init(
      id: try row.text(0),
      aggregateType: try row.text(1),
      aggregateID: try row.text(2),
      sequence: try row.int8(3),
      type: try row.text(4),
      at: try row.timestamptz(5),
      payload: try row.data(6)
    )
  }
}
