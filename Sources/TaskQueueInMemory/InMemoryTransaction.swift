import Synchronization
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An open transaction of an ``InMemoryTaskStore``.
///
/// What is done `in:` it appears at once when the body of ``InMemoryTaskStore/withTransaction(_:)`` returns, and never did when
/// that throws; nobody else sees it before. A store has one open transaction at a time: the next one waits for its end, first come, first
/// served. So they never conflict, and never deadlock with each other. Calls outside of transactions go on meanwhile, except
/// those that would change what the open transaction has changed; they wait for its end, as in PostgreSQL. A call that would wait
/// for the transaction it is made in throws instead and says what to do.
///
/// An app's own state in a unit test takes part by ``onRollback(_:)`` or ``onCommit(_:)``:
///
/// ```swift
/// try await client.withTransaction { transaction in
///   orders.insert(order)
///   transaction.onRollback { orders.remove(order.id) }
///   try await client.enqueue(SendReceipt(orderID: order.id), in: transaction)
/// }
/// ```
public final class InMemoryTransaction: Sendable {
  private struct Contents {
    var isOpen = true
    var changes = InMemoryChanges()
    var commitActions: [@Sendable () -> Void] = []
    var rollbackActions: [@Sendable () -> Void] = []
  }

  /// The transactions in whose bodies this task runs, of any stores.
  @TaskLocal static var current: [InMemoryTransaction] = []

  let store: InMemoryTaskStore
  private let contents = Mutex(Contents())

  init(of store: InMemoryTaskStore) { self.store = store }

  var isOpen: Bool { contents.withLock { $0.isOpen } }

  /// Runs the action once the transaction is committed, before the next one begins; in the order of these calls.
  ///
  /// The transaction must be open.
  public func onCommit(_ action: @escaping @Sendable () -> Void) {
    contents.withLock { contents in
      precondition(contents.isOpen, "the transaction has ended: onCommit belongs into its body")
      contents.commitActions.append(action)
    }
  }

  /// Runs the action if the transaction, or the savepoint it is called in, rolls back; in the reverse order of these calls.
  ///
  /// The transaction must be open.
  public func onRollback(_ action: @escaping @Sendable () -> Void) {
    contents.withLock { contents in
      precondition(contents.isOpen, "the transaction has ended: onRollback belongs into its body")
      contents.rollbackActions.append(action)
    }
  }

  /// Runs `body`; if it throws, what it did in this transaction is undone, and the transaction goes on.
  ///
  /// Nothing else may use the transaction meanwhile.
  ///
  /// - Throws: what `body` throws.
  public func withSavepoint<Value>(_ body: () async throws -> Value) async throws -> Value {
    let (saved, locks) = store.mutate { live, _ in (contents.withLock { $0 }, live.locks) }
    do { return try await body() } catch {
      let undone = store.mutate { live, _ in
        live.releaseLocks(keeping: locks)
        return contents.withLock { contents in
          defer { contents = saved }
          return contents.rollbackActions.dropFirst(saved.rollbackActions.count)
        }
      }
      for action in undone.reversed() { action() }
      throw error
    }
  }

  /// One step of the transaction.
  ///
  /// - Throws: `storeFailed` if the transaction has ended, or is another store's.
  func change<Value: Sendable>(
    of store: InMemoryTaskStore,
    _ body: (inout InMemoryChanges, inout InMemoryState, Date) throws(TaskQueueError) -> Value
  ) throws(TaskQueueError) -> Value {
    guard store === self.store else {
      throw TaskQueueError(
        .storeFailed,
        "This transaction is another store's. Use the client of the store that began it."
      )
    }
    return try store.mutate { live, now throws(TaskQueueError) in
      try contents.withLock { contents throws(TaskQueueError) in
        guard contents.isOpen else {
          throw TaskQueueError(.storeFailed, "This transaction has ended. Use it only in the body of withTransaction.")
        }
        return try body(&contents.changes, &live, now)
      }
    }
  }

  func commit() {
    let actions = store.mutate { live, _ in
      contents.withLock { contents in
        contents.isOpen = false
        contents.changes.commit(to: &live)
        return contents.commitActions
      }
    }
    for action in actions { action() }
  }

  /// - Returns: false: it had ended before.
  func rollBack() -> Bool {
    let actions = store.mutate { live, _ in
      contents.withLock { contents -> [@Sendable () -> Void]? in
        guard contents.isOpen else { return nil }
        contents.isOpen = false
        live.releaseLocks()
        return contents.rollbackActions
      }
    }
    for action in actions?.reversed() ?? [] { action() }
    return actions != nil
  }
}
