import HeapModule
@_spi(Store) package import TaskQueue

/// What the one open transaction has changed. Others wait for its end before they change the same, or pass over it; what they read
/// is as it was before.
package struct InMemoryLocks {
  struct Passed {
    var queue: QueueName
    var type: TaskType
    var ticket: InMemoryState.Ticket
  }

  package var tasks: Set<TaskID> = []
  var slots: Set<InMemoryState.UniqueSlot> = []
  var effects: Set<InMemoryEffects.ID> = []
  var events: Set<InMemoryInbox.EventID> = []
  /// Tickets of claimable tasks that claims passed over; they go back to their heaps.
  var passedOver: [Passed] = []
}

extension InMemoryState {
  /// Unlocks everything but what was locked at a savepoint.
  package mutating func releaseLocks(keeping earlier: InMemoryLocks = .init()) {
    let passedOver = locks.passedOver
    locks = earlier
    locks.passedOver = passedOver.filter { locks.tasks.contains($0.ticket.id) }
    for passed in passedOver where !locks.tasks.contains(passed.ticket.id) && isCurrent(passed.ticket) {
      lanes[passed.queue]?[passed.type]?.ready.insert(passed.ticket)
      hints.insert(.tasksAvailable(passed.queue))
    }
    admitAll()
  }

  /// Whether storing the task has to wait: the open transaction decides about its unique key.
  func isLocked(_ task: NewTask) -> Bool {
    guard let slot = task.uniqueSlot, locks.slots.contains(slot) else { return false }
    return task.unique?.mode != .keepExisting || slots[slot] == nil
  }

  package func isLocked(_ settlement: Settlement) -> Bool {
    locks.tasks.contains(settlement.claim.id) && tasks[settlement.claim.id]?.token == settlement.claim.token
  }
}
