#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A task about to be stored: validated and encoded.
public struct NewTask: Sendable {
  public var type: TaskType
  /// UTF-8 JSON.
  public var payload: Data
  public var options: EnqueueOptions

  /// Encodes and validates.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`. Nothing was sent.
  public init<Payload: TaskPayload>(_ payload: Payload, options: EnqueueOptions = .init()) throws(TaskQueueError) {
    self = try TaskEncoder(options: options).encode(payload)
  }

  /// For payloads that are JSON already. That it is JSON is checked by the store.
  public init(type: TaskType, json payload: Data, options: EnqueueOptions = .init()) throws(TaskQueueError) {
    try type.validate()
    try options.validate()
    try self.init(type: type, json: payload, validOptions: options)
  }

  init(type: TaskType, json payload: Data, validOptions options: EnqueueOptions) throws(TaskQueueError) {
    guard payload.count <= Limits.payloadBytes else {
      throw .init(
        .payloadTooLarge,
        "The payload of \(type) is \(payload.count) bytes; the limit is \(Limits.payloadBytes). Store a reference instead."
      )
    }
    self.type = type
    self.payload = payload
    self.options = options
  }
}
