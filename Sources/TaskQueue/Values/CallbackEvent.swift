#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What another system tells us, such as a provider's callback. Check its signature first: the inbox believes it.
public struct CallbackEvent: Hashable, Sendable {
  /// Who tells it; 1 to 128 UTF-8 bytes without control characters.
  public var source: String
  /// The source's own id of the event, the same in every delivery; 1 to 256 bytes.
  public var id: String
  /// What it is about, such as the provider's payment id; 1 to 256 bytes. Needed where the subject may be unknown yet.
  public var subject: String?
  /// JSON, at most 64 KiB; kept only while the event waits for its subject.
  public var payload: Data

  public init(source: String, id: String, subject: String? = nil, payload: Data = Data("{}".utf8)) {
    self.source = source
    self.id = id
    self.subject = subject
    self.payload = payload
  }

  static let maxPayloadBytes = 64 * 1024

  /// - Throws: `invalidName`, `payloadTooLarge`; nothing was sent.
  public func validate() throws(TaskQueueError) {
    try Self.validate(source, "source", maxBytes: 128)
    try Self.validate(id, "id", maxBytes: 256)
    if let subject { try Self.validate(subject, "subject", maxBytes: 256) }
    guard payload.count <= Self.maxPayloadBytes else {
      throw TaskQueueError(.payloadTooLarge, "An event's payload must be at most \(Self.maxPayloadBytes) bytes.")
    }
  }

  static func validate(_ text: String, _ kind: String, maxBytes: Int) throws(TaskQueueError) {
    guard (1...maxBytes).contains(text.utf8.count),
      !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
    else {
      throw TaskQueueError(
        .invalidName,
        "An event's \(kind) must have 1 to \(maxBytes) UTF-8 bytes and no control characters."
      )
    }
  }
}

/// What became of an event. Answer all of them alike: the source has nothing to repeat.
public enum CallbackReceipt: Hashable, Sendable {
  /// It is new, and this task will look (it was enqueued, pulled forward, or marked to run once more).
  case accepted(EnqueueResult)
  /// It was received before; nothing was changed.
  case duplicate
  /// It is new and nobody knows its subject: it waits until ``CallbackInbox/claimEvents(source:subject:in:)``.
  case remembered
}

/// An event that waited for its subject.
public struct RememberedEvent: Sendable {
  public var id: String
  public var payload: Data
  public var receivedAt: Date

  @_spi(Store) public init(id: String, payload: Data, receivedAt: Date) {
    self.id = id
    self.payload = payload
    self.receivedAt = receivedAt
  }
}
