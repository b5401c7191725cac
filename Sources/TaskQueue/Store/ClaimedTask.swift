#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A task as handed to a worker. Immutable; a copy costs one reference count.
public struct ClaimedTask: Sendable {
  public let claim: Claim
  private let storage: Storage

  private final class Storage: Sendable {
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

    init(
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
      isCancelRequested: Bool
    ) {
      self.queue = queue
      self.type = type
      self.priority = priority
      self.payload = payload
      self.headers = headers
      self.attempt = attempt
      self.failures = failures
      self.crashes = crashes
      self.maxAttempts = maxAttempts
      self.retry = retry
      self.deadline = deadline
      self.createdAt = createdAt
      self.dueAt = dueAt
      self.claimedAt = claimedAt
      self.isCancelRequested = isCancelRequested
    }
  }

  public var queue: QueueName { storage.queue }
  public var type: TaskType { storage.type }
  public var priority: Int { storage.priority }
  public var payload: Data { storage.payload }
  public var headers: [String: String] { storage.headers }
  /// This attempt's number, from 1.
  public var attempt: Int { storage.attempt }
  /// Errors thrown so far.
  public var failures: Int { storage.failures }
  /// Attempts so far that ended without an outcome, because a worker died or lost its lease.
  public var crashes: Int { storage.crashes }
  public var maxAttempts: Int? { storage.maxAttempts }
  public var retry: StoredRetryPolicy? { storage.retry }
  public var deadline: Date? { storage.deadline }
  public var createdAt: Date { storage.createdAt }
  public var dueAt: Date { storage.dueAt }
  /// The store's clock at the claim.
  public var claimedAt: Date { storage.claimedAt }
  /// Whether cancellation was asked for before this claim (by a holder that died since).
  public var isCancelRequested: Bool { storage.isCancelRequested }

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
    isCancelRequested: Bool
  ) {
    self.claim = claim
    storage = Storage(
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
      isCancelRequested: isCancelRequested
    )
  }
}
