public import Libpq
public import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension EventOutbox {
  /// Writes an event in the app's transaction: it exists when that commits, and never did when it rolls back.
  ///
  /// One round trip. Until the transaction ends, others that append for the same aggregate wait: keep it short, and append for several
  /// aggregates in the same order everywhere. With isolation above READ COMMITTED a concurrent append for the aggregate fails one of the
  /// two with a serialization failure, to be tried again.
  ///
  /// - Parameters:
  ///   - event: is stored as JSON, at most ``payloadBytes``.
  ///   - type: what happened; 1 to 128 bytes.
  ///   - aggregateType: the kind of thing that it happened to; 1 to 64 bytes without colon.
  ///   - aggregateID: which one; 1 to 112 bytes.
  /// - Returns: the event's id; nil: the outbox is ``OutboxMode/off``.
  /// - Throws: `encodingFailed`; `LibpqError`, with SQLSTATE 22023 for what exceeds the bounds.
  @discardableResult
  public func append(
    _ event: some Encodable,
    type: String,
    aggregateType: String,
    aggregateID: String,
    coding: PayloadCoding = .standard,
    in transaction: LibpqTransaction
  ) async throws -> String? {
    let payload: Data
    do { payload = try coding.encode(event) } catch {
      throw TaskQueueError(.encodingFailed, "An event of type \(type) cannot be encoded.", underlying: error)
    }
    return try await append(
      payload: payload,
      type: type,
      aggregateType: aggregateType,
      aggregateID: aggregateID,
      in: transaction
    )
  }

  /// ``append(_:type:aggregateType:aggregateID:coding:in:)`` for JSON that is there already.
  @discardableResult
  public func append(
    payload: Data,
    type: String,
    aggregateType: String,
    aggregateID: String,
    in transaction: LibpqTransaction
  ) async throws(LibpqError) -> String? {
    let result = try await transaction.query(
      "SELECT \(name("outbox_append"))($1, $2, $3, $4)::text",
      [.text(aggregateType), .text(aggregateID), .text(type), .json(payload)]
    )
    return try result[0].optionalText(0)
  }
}
