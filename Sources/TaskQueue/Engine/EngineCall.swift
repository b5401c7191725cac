/// Names a call of the store, from its order to its answer.
package struct CallID: Hashable, Sendable {
  package let number: UInt64
}

/// What the machine wants to be asked of the store.
package enum EngineCall: Sendable {
  case prepare
  case exchange(settle: [Settlement], claim: ClaimRequest?)
  case openWriters
  case renew([Claim], lease: Duration)
  case maintain
}

/// One call to be made. The shell takes it up with ``WorkerStateMachine/begin(_:at:)``.
package struct CallOrder: Sendable {
  package let id: CallID
  package let call: EngineCall
  /// How long the store may take.
  package let limit: Duration
}

/// What the store said.
package enum CallAnswer: Sendable {
  case prepared
  case exchanged(Exchange)
  case writers(OpenWriters?)
  case renewed([Renewal])
  case maintained(MaintenanceReport)
  case failed(TaskQueueError)
}

/// What one round of maintenance found.
package struct MaintenanceReport: Sendable {
  /// Due tasks that no handler here takes.
  package var unhandled: [TaskCount] = []
  /// Queues that nobody seems to serve.
  package var unserved: [QueueName] = []
  /// What was kept for its time, and is gone now.
  package var dropped = RetentionReport()
  /// A page of something was dropped; there may be more.
  package var mayHaveMore = false

  package init() {}
}

/// The obligation to report how a call ended. Only ``WorkerStateMachine`` makes them, and only it takes them back.
package struct CallTicket: ~Copyable, Sendable {
  let id: CallID
  let startedAt: WorkerClock.Instant

  deinit { forgottenObligation("a call of the store was never reported as ended") }

  /// For the machine, and for a process that the simulation kills.
  package consuming func redeem() { discard self }
}
