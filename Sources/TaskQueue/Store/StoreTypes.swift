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

/// What became of one enqueue.
public struct EnqueueResult: Hashable, Sendable {
  public var id: TaskID
  /// false: a task with this unique key exists already; `id` is its id.
  public var isNew: Bool
  public init(id: TaskID, isNew: Bool) {
    self.id = id
    self.isNew = isNew
  }
}

/// The fence: proof of holding one task in one attempt. No two claims ever have the same token.
public struct Claim: Hashable, Sendable {
  public var id: TaskID
  public var token: Int64
  public init(id: TaskID, token: Int64) {
    self.id = id
    self.token = token
  }
}

/// What a worker asks for.
public struct ClaimRequest: Sendable {
  /// Queues to serve; a store gives each a fair share of `limit` while several have tasks.
  public var queues: [QueueName]
  /// Types the worker has handlers for. Others stay where they are.
  public var types: [TaskType]
  /// At most this many tasks; above zero.
  public var limit: Int
  /// How long the claim holds them.
  public var lease: Duration
  /// Whether to make due tasks ready first. Workers ask for it now and then, not with every claim.
  public var promotesDue: Bool
  public var scope: Scope

  /// Where to look. A store that is fast without it may look at everything always.
  public enum Scope: Sendable {
    case everything
    /// Only tasks behind this position.
    case after(ScanPosition)
    /// Everything, unless another worker of the same queues and types is just doing that; then as ``after(_:)``.
    case rescan(ScanPosition)
  }

  public init(
    queues: [QueueName],
    types: [TaskType],
    limit: Int,
    lease: Duration,
    promotesDue: Bool,
    scope: Scope = .everything
  ) {
    self.queues = queues
    self.types = types
    self.limit = limit
    self.lease = lease
    self.promotesDue = promotesDue
    self.scope = scope
  }
}

/// One recorded error.
public struct TaskFailure: Hashable, Sendable, Codable {
  /// The error's text, cut to ``Limits/errorMessageBytes``.
  public var message: String
  /// The Swift type of the error.
  public var errorType: String
  /// The attempt that failed, from 1.
  public var attempt: Int
  /// When, by the worker's clock in seconds since 1970. The row's own times are the store's.
  public var at: Double

  public init(message: String, errorType: String, attempt: Int, at: Double) {
    self.message = message
    self.errorType = errorType
    self.attempt = attempt
    self.at = at
  }
}

/// The outcome of one attempt, as a store records it. Applied only if the claim still holds the task.
///
/// A task marked by ``UniqueKey/Mode/coalesce`` or ``UniqueKey/Mode/replace`` while it was held becomes due at once with
/// fresh counters instead, whatever the action. A task whose cancellation was asked for becomes a dead letter
/// (``DeadLetterReason/cancelled``) instead, unless it completed.
public struct Settlement: Sendable {
  public enum Action: Sendable {
    /// Removes the task (or keeps its unique key for the period it asked for).
    case complete
    /// Due again after this time; `returnsAttempt`: the attempt is given back.
    case reschedule(after: Duration, returnsAttempt: Bool)
    /// One failure more; due again after this time.
    case fail(TaskFailure, retryAfter: Duration)
    /// Moved to the dead letters. With a failure: one failure more, recorded.
    case bury(DeadLetterReason, detail: String?, TaskFailure?)
    /// Handed back unharmed: due at once, the attempt given back.
    case release
  }

  public var claim: Claim
  public var action: Action
  public init(_ claim: Claim, _ action: Action) {
    self.claim = claim
    self.action = action
  }
}

/// What one exchange with the store brought.
public struct Exchange: Sendable {
  /// For each settlement in order: whether it was applied. false: the claim had lost the task; nothing was changed.
  public var applied: [Bool]
  /// In the order in which they are to be started.
  public var claimed: [ClaimedTask]
  /// Whether there may be more to claim at once.
  public var mayHaveMore: Bool
  /// How long until the next waiting task is due, as far as the store looked (only with `promotesDue`).
  public var nextDueIn: Duration?
  /// The due time of the oldest task that was made ready; nil: none.
  public var promotedFrom: Date?
  /// All that was due then is ready now; nil: there may be more.
  public var promotedUntil: Date?

  public init(
    applied: [Bool] = [],
    claimed: [ClaimedTask] = [],
    mayHaveMore: Bool = false,
    nextDueIn: Duration? = nil,
    promotedFrom: Date? = nil,
    promotedUntil: Date? = nil
  ) {
    self.applied = applied
    self.claimed = claimed
    self.mayHaveMore = mayHaveMore
    self.nextDueIn = nextDueIn
    self.promotedFrom = promotedFrom
    self.promotedUntil = promotedUntil
  }
}

/// Transactions that have written tasks and are not over.
public struct OpenWriters: Sendable {
  /// Names a transaction; never given to another one while a worker runs.
  public typealias ID = String

  /// By the store's clock: what is not among `ids` and stores a task later gives it a later due time.
  public var at: Date
  public var ids: Set<ID>

  public init(at: Date, ids: Set<ID>) {
    self.at = at
    self.ids = ids
  }
}

/// What renewing one claim brought.
public enum Renewal: Hashable, Sendable {
  case renewed
  /// Renewed, and the handler is to be cancelled.
  case cancelRequested
  /// The claim no longer holds the task.
  case lost
}

/// A hint that something changed. Never needed for correctness; may come late, twice, or not at all.
public enum StoreHint: Hashable, Sendable {
  /// The queue may have a task to claim.
  case tasksAvailable(QueueName)
  /// Somebody asked to cancel a running task.
  case cancelRequested(TaskID)
  /// Hints may have been missed; look at everything.
  case resync
}
