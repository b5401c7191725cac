/// Names a call of the store, from its order to its answer.
struct CallID: Hashable, Sendable {
  let number: UInt64
}

/// What the machine wants to be asked of the store.
enum EngineCall: Sendable {
  case prepare
  case exchange(settle: [Settlement], claim: ClaimRequest?)
  case openWriters
  case renew([Claim], lease: Duration)
  case maintain
}

/// One call to be made. The shell takes it up with ``WorkerStateMachine/begin(_:at:)``.
struct CallOrder: Sendable {
  let id: CallID
  let call: EngineCall
  /// How long the store may take.
  let limit: Duration
}

/// What the store said.
enum CallAnswer: Sendable {
  case prepared
  case exchanged(Exchange)
  case writers(OpenWriters?)
  case renewed([Renewal])
  case maintained(MaintenanceReport)
  case failed(TaskQueueError)
}

/// What one round of maintenance found.
struct MaintenanceReport: Sendable {
  /// Due tasks that no handler here takes.
  var unhandled: [TaskCount] = []
  /// Queues that nobody seems to serve.
  var unserved: [QueueName] = []
  /// A page of expired keys was dropped; there may be more.
  var mayHaveMore = false
}

/// The obligation to report how a call ended. Only ``WorkerStateMachine`` makes them, and only it takes them back.
struct CallTicket: ~Copyable, Sendable {
  let id: CallID
  let startedAt: WorkerClock.Instant

  init(id: CallID, startedAt: WorkerClock.Instant) {
    self.id = id
    self.startedAt = startedAt
  }

  deinit { forgottenObligation("a call of the store was never reported as ended") }

  consuming func redeem() { discard self }
}
