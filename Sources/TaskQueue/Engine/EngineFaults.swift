/// Faults that can be put back into the machine, one at a time, so that the simulation shows that it would see them. All are off but there.
package struct EngineFaults: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// While a look is under way the worker waits without a limit.
  package static let deafWorker = EngineFaults(rawValue: 1 << 0)
  /// The pause between looks grows with the time that the last one waited, without a cap.
  package static let uncappedPause = EngineFaults(rawValue: 1 << 1)
  /// A look that finds no free slot is put off, not done by the next free one.
  package static let lookPutOff = EngineFaults(rawValue: 1 << 2)
  /// Any error drops the outcomes of its exchange.
  package static let outcomesDropped = EngineFaults(rawValue: 1 << 3)
  /// The end of a lease is noticed only when a renewal returns.
  package static let leaseEndsLate = EngineFaults(rawValue: 1 << 4)
  /// Tasks that were claimed at another pace stay in the local queue.
  package static let hoarding = EngineFaults(rawValue: 1 << 5)
  /// An outcome does not end the count of crashes.
  package static let crashCountNeverEnds = EngineFaults(rawValue: 1 << 6)
  /// A handler that ignores its cancellation is waited for.
  package static let neverGivenUp = EngineFaults(rawValue: 1 << 7)
  /// The last step of a shutdown has no limit.
  package static let endlessShutdown = EngineFaults(rawValue: 1 << 8)
  /// A handler that was given up counts again when it ends at last.
  package static let countedTwice = EngineFaults(rawValue: 1 << 9)
  /// A call without an answer is waited for.
  package static let endlessCalls = EngineFaults(rawValue: 1 << 10)
  /// What the store's clock says is believed at once.
  package static let clockBelieved = EngineFaults(rawValue: 1 << 11)
  /// An outcome whose row is locked counts as recorded.
  package static let busyForgotten = EngineFaults(rawValue: 1 << 12)
  /// A timeout is noticed, and the handler not cancelled.
  package static let timeoutIgnored = EngineFaults(rawValue: 1 << 13)
  /// Another worker's look counts as one's own.
  package static let denialIgnored = EngineFaults(rawValue: 1 << 14)
  /// A queue or type at its maximum is claimed all the same.
  package static let maximumIgnored = EngineFaults(rawValue: 1 << 15)
  /// A place that became free is not given back.
  package static let placeKept = EngineFaults(rawValue: 1 << 16)

  // Of flows, in the simulated store and handler.
  /// A step is recorded whoever holds the task.
  package static let stepsUnfenced = EngineFaults(rawValue: 1 << 17)
  /// An event that a flow waits for is stored, and nobody looks.
  package static let eventLookLost = EngineFaults(rawValue: 1 << 18)
  /// A flow that waits keeps its slot of a limit.
  package static let suspensionKeepsSlot = EngineFaults(rawValue: 1 << 19)
  /// Compensations are run in the order in which they were registered.
  package static let undoneForwards = EngineFaults(rawValue: 1 << 20)
  /// An event counts although its wait has timed out.
  package static let timeoutOverruled = EngineFaults(rawValue: 1 << 21)

  package static let flows: EngineFaults = [
    .stepsUnfenced, .eventLookLost, .suspensionKeepsSlot, .undoneForwards, .timeoutOverruled,
  ]

  package static let named: [(name: String, fault: EngineFaults)] = [
    ("deafWorker", .deafWorker), ("uncappedPause", .uncappedPause), ("lookPutOff", .lookPutOff),
    ("outcomesDropped", .outcomesDropped), ("leaseEndsLate", .leaseEndsLate), ("hoarding", .hoarding),
    ("crashCountNeverEnds", .crashCountNeverEnds), ("neverGivenUp", .neverGivenUp),
    ("endlessShutdown", .endlessShutdown), ("countedTwice", .countedTwice), ("endlessCalls", .endlessCalls),
    ("clockBelieved", .clockBelieved), ("busyForgotten", .busyForgotten), ("timeoutIgnored", .timeoutIgnored),
    ("denialIgnored", .denialIgnored), ("maximumIgnored", .maximumIgnored), ("placeKept", .placeKept),
    ("stepsUnfenced", .stepsUnfenced), ("eventLookLost", .eventLookLost), ("suspensionKeepsSlot", .suspensionKeepsSlot),
    ("undoneForwards", .undoneForwards), ("timeoutOverruled", .timeoutOverruled),
  ]
}
