public import HTTPTypes

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// An answer as it is kept for repetitions of its request: whole, so keep it small.
public struct IdempotentAnswer: Hashable, Sendable {
  public var status: HTTPResponse.Status
  /// Of its header: what belongs to this answer, such as `Content-Type` and `Location`. Not what every response has.
  public var fields: HTTPFields
  public var body: Data

  public init(_ status: HTTPResponse.Status, fields: HTTPFields = [:], body: Data = Data()) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// Whether it was given before, and nothing was done: it has `Idempotency-Replayed: true`.
  public var isReplayed: Bool { fields[.idempotencyReplayed] == "true" }
}
