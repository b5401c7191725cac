/// A promise that was not kept.
package struct Violation: Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    case twoHolders = "two valid holders"
    case stolen = "a task was taken from a holder whose lease goes on"
    case dropped = "an outcome was dropped"
    case stuck = "a task is stuck"
    case unfinished = "the work is not done in the end"
    case overtaken = "a task waits while later ones are started"
    case slotKept = "a slot is not freed"
    case aboveMaximum = "more run at a time than may"
    case overLimit = "more run at a time than their limit lets"
    case outOfOrder = "the tasks of an ordered limit run out of order"
    case hoarded = "tasks are hoarded"
    case noEnd = "a shutdown does not end"
    case unbounded = "memory is not bounded"
    case spins = "the worker spins"
    case buried = "a task was put aside without reason"
    case unfenced = "a step is recorded by a claim that has lost its task"
    case ranTwice = "a step that is recorded runs again"
    case undoneWrongly = "a flow is not undone in reverse order"
    case decidedTwice = "an event came, and did not"
    case eventLost = "an event does not reach the flow that waits for it"
    case flowRefused = "a call of a flow is refused"
  }

  package let kind: Kind
  package let text: String
  /// Virtual time.
  package let at: Duration
}
