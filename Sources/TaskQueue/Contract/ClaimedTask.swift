#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A task as handed to a worker. Immutable; a copy costs one reference count.
@_spi(Store) public struct ClaimedTask: Sendable {
  public let claim: Claim
  private let storage: Storage

  private struct Fields: Sendable {
    let queue: QueueName
    let type: TaskType
    let priority: Int
    let payload: Data
    let headers: [String: String]
    let attempt: Int
    let failures: Int
    let crashes: Int
    let maxAttempts: Int?
    let retry: StoredRetryPolicy?
    let deadline: Date?
    let createdAt: Date
    let dueAt: Date
    let claimedAt: Date
    let isCancelRequested: Bool
    let steps: [FlowStep]
    let isFollowed: Bool
  }

  private final class Storage: Sendable {
    let fields: Fields
    init(_ fields: Fields) { self.fields = fields }
  }

  public var queue: QueueName { storage.fields.queue }
  public var type: TaskType { storage.fields.type }
  public var priority: Int { storage.fields.priority }
  public var payload: Data { storage.fields.payload }
  public var headers: [String: String] { storage.fields.headers }
  /// This attempt's number, from 1.
  public var attempt: Int { storage.fields.attempt }
  /// Errors thrown so far.
  public var failures: Int { storage.fields.failures }
  /// Attempts so far that ended without an outcome, because a worker died or lost its lease.
  public var crashes: Int { storage.fields.crashes }
  public var maxAttempts: Int? { storage.fields.maxAttempts }
  public var retry: StoredRetryPolicy? { storage.fields.retry }
  public var deadline: Date? { storage.fields.deadline }
  public var createdAt: Date { storage.fields.createdAt }
  public var dueAt: Date { storage.fields.dueAt }
  /// The store's clock at the claim.
  public var claimedAt: Date { storage.fields.claimedAt }
  /// Whether cancellation was asked for before this claim (by a holder that died since).
  public var isCancelRequested: Bool { storage.fields.isCancelRequested }

  /// What a flow has done in earlier attempts, in no order; empty: nothing, or it is none.
  public var steps: [FlowStep] { storage.fields.steps }

  /// Its end concerns more than its row: it has steps, or is in a group.
  public var isFollowed: Bool { storage.fields.isFollowed }
  /// For how long it is kept once it is completed, as it was enqueued; nil: as its handler says.
  public var retain: Duration? { headers.isEmpty ? nil : RetainHeader.duration(in: headers) }

  public init(
    claim: Claim,
    queue: QueueName,
    type: TaskType,
    priority: Int,
    payload: Data,
    headers: [String: String],
    attempt: Int,
    failures: Int,
    crashes: Int,
    maxAttempts: Int?,
    retry: StoredRetryPolicy?,
    deadline: Date?,
    createdAt: Date,
    dueAt: Date,
    claimedAt: Date,
    isCancelRequested: Bool,
    steps: [FlowStep] = [],
    isFollowed: Bool = false
  ) {
    self.claim = claim
    storage = Storage(
      Fields(
        queue: queue,
        type: type,
        priority: priority,
        payload: payload,
        headers: headers,
        attempt: attempt,
        failures: failures,
        crashes: crashes,
        maxAttempts: maxAttempts,
        retry: retry,
        deadline: deadline,
        createdAt: createdAt,
        dueAt: dueAt,
        claimedAt: claimedAt,
        isCancelRequested: isCancelRequested,
        steps: steps,
        isFollowed: isFollowed || !steps.isEmpty
      )
    )
  }
}
