#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What flows wait for: a key, and what is to be told under it. Validated and encoded. For authors of stores; apps use ``TaskClient``.
public struct FlowEvent: Hashable, Sendable {
  public let key: String
  /// JSON.
  public let payload: Data
  /// How long it is there for flows that come to wait for it, and another one with its key counts for nothing.
  public let retention: Duration

  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`.
  public init(
    _ key: String,
    _ payload: some Encodable,
    retention: Duration,
    coding: PayloadCoding
  ) throws(TaskQueueError) {
    let json: Data
    do { json = try coding.encode(payload) } catch {
      throw TaskQueueError(
        .encodingFailed,
        "The payload of an event could not be encoded as JSON.",
        underlying: UnencodableValue.describing(error)
      )
    }
    try self.init(key, json: json, retention: retention)
  }

  /// For payloads that are JSON already. That it is JSON is checked by the store.
  public init(_ key: String, json payload: Data, retention: Duration) throws(TaskQueueError) {
    try Self.validate(key: key)
    guard payload.count <= Limits.stepValueBytes else {
      throw TaskQueueError(
        .payloadTooLarge,
        "An event's payload must be at most \(Limits.stepValueBytes) bytes; got \(payload.count). Store a reference instead."
      )
    }
    guard retention > .zero, retention <= Limits.delay else {
      throw .invalidOption("An event's retention must be above zero and at most 100 years.")
    }
    self.key = key
    self.payload = payload
    self.retention = retention
  }

  /// The library's own, with a key that apps cannot use.
  package init(own key: String, retention: Duration) {
    self.key = key
    payload = Data("true".utf8)
    self.retention = retention
  }

  static func validate(key: String) throws(TaskQueueError) {
    guard 1...Limits.eventKeyBytes ~= key.utf8.count,
      !key.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
    else {
      throw .invalidName("An event's key must have 1 to \(Limits.eventKeyBytes) UTF-8 bytes and no control characters.")
    }
    guard key.first != "~" else {
      throw .invalidName("An event's key must not begin with ~: those are the library's own.")
    }
  }
}
