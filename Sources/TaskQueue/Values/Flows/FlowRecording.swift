#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A live flow as it was stored: its payload, journal and effects, for checks of new code against flows under way (`FlowLint` of
/// `TaskQueueTestKit`). Any JSON coder will do. Holds what users stored: keep it where their data may be.
public struct FlowRecording: Hashable, Sendable, Codable {
  /// One line of the journal.
  public struct Step: Hashable, Sendable, Codable {
    public var name: String
    /// ``FlowStep/Kind``.
    public var kind: String
    public var place: Int
    /// JSON; nil: it has none.
    public var value: String?
    /// Of the input: SHA-256.
    public var digest: Data?
    public var until: Date?
  }

  /// An effect that has succeeded, or failed for good.
  public struct Effect: Hashable, Sendable, Codable {
    public var name: String
    public var key: IdempotencyKey
    /// Calls begun.
    public var calls: Int
    /// JSON; nil: it has failed.
    public var value: String?
    /// Of a failure.
    public var code: String?
    public var reason: String?
  }

  public var task: TaskID
  public var type: String
  public var queue: String
  /// JSON.
  public var payload: String
  public var headers: [String: String]
  public var createdAt: Date
  /// By place; at most ``Limits/page``.
  public var steps: [Step]
  public var effects: [Effect]
  /// It has more steps than these.
  public var isCutOff: Bool

  init(_ task: TaskSnapshot, _ steps: [FlowStep], _ effects: [EffectRecord]) {
    self.task = task.id
    type = task.type.rawValue
    queue = task.queue.rawValue
    payload = String(decoding: task.payload, as: UTF8.self)
    headers = task.headers
    createdAt = task.createdAt
    self.steps = steps.map { step in
      Step(
        name: step.name,
        kind: step.kind.rawValue,
        place: step.place,
        value: step.value.map { String(decoding: $0, as: UTF8.self) },
        digest: step.digest,
        until: step.until
      )
    }
    self.effects = effects.filter { [.succeeded, .failed].contains($0.state) }.map { effect in
      Effect(
        name: effect.name.rawValue,
        key: effect.key,
        calls: effect.calls,
        value: effect.state == .failed ? nil : effect.value.map { String(decoding: $0, as: UTF8.self) } ?? "null",
        code: effect.code,
        reason: effect.reason
      )
    }
    isCutOff = steps.count >= Limits.page
  }
}

/// A page of live flows.
public struct FlowExport: Hashable, Sendable, Codable {
  public var flows: [FlowRecording]
  /// Where the next page begins; nil: this is the last one.
  public var next: TaskID?
}
