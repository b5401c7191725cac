import Synchronization
@_spi(Store) import TaskQueue

/// Whose turn it is to hold locks: one transaction at a time, first come, first served.
final class InMemoryTurns: Sendable {
  private struct Waiter {
    let number: Int
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct Queue {
    var isTaken = false
    var waiters: [Waiter] = []
    var lastNumber = 0
  }

  private let queue = Mutex(Queue())

  /// Waits for its turn. ``end()`` follows.
  ///
  /// - Throws: `storeFailed` if the task was cancelled while it waited.
  func begin() async throws(TaskQueueError) {
    let number = queue.withLock { queue -> Int? in
      guard queue.isTaken else {
        queue.isTaken = true
        return nil
      }
      queue.lastNumber += 1
      return queue.lastNumber
    }
    guard let number, !(await wait(number)) else { return }
    throw TaskQueueError(
      .storeFailed,
      "Cancelled while another transaction of this store was open. Nothing was changed.",
      underlying: CancellationError(),
      isRetrySafe: true
    )
  }

  func end() {
    let next = queue.withLock { queue -> Waiter? in
      guard !queue.waiters.isEmpty else {
        queue.isTaken = false
        return nil
      }
      return queue.waiters.removeFirst()
    }
    next?.continuation.resume(returning: true)
  }

  /// - Returns: whether it is its turn now; false: cancelled.
  private func wait(_ number: Int) async -> Bool {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDecided = queue.withLock { queue -> Bool? in
          if Task.isCancelled { return false }
          guard queue.isTaken else {
            queue.isTaken = true
            return true
          }
          queue.waiters.append(Waiter(number: number, continuation: continuation))
          return nil
        }
        if let isDecided { continuation.resume(returning: isDecided) }
      }
    } onCancel: {
      let waiter = queue.withLock { queue -> Waiter? in
        guard let index = queue.waiters.firstIndex(where: { $0.number == number }) else { return nil }
        return queue.waiters.remove(at: index)
      }
      waiter?.continuation.resume(returning: false)
    }
  }
}
