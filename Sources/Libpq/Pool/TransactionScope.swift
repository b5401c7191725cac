import Synchronization

/// Marks the task, and its children, that run the body of a pool's transaction.
///
/// Task-local values outlive the scope in tasks that outlive it, so the end of the transaction makes the mark void.
final class TransactionScope: Sendable {
  @TaskLocal static var current: TransactionScope?

  private let pool: ObjectIdentifier
  /// The transaction of another pool around this one.
  private let outer: TransactionScope?
  private let isOver = Atomic<Bool>(false)

  init(_ pool: LibpqPool) {
    self.pool = ObjectIdentifier(pool)
    outer = Self.current
  }

  /// Whether the calling task is inside a transaction of that pool.
  static func isOpen(on pool: LibpqPool) -> Bool {
    guard var scope = current else { return false }
    let identifier = ObjectIdentifier(pool)
    while true {
      if scope.pool == identifier, !scope.isOver.load(ordering: .acquiring) { return true }
      guard let outer = scope.outer else { return false }
      scope = outer
    }
  }

  /// The transaction has ended.
  func end() { isOver.store(true, ordering: .releasing) }
}

extension LibpqPool {
  /// A transaction's task that takes a second connection of the same pool waits for what it holds itself as soon as enough of them do so:
  /// refused at once, also while connections are free.
  package func refuseNestedUse() throws(LibpqError) {
    guard TransactionScope.isOpen(on: self) else { return }
    throw LibpqError(
      .nestedUse,
      """
      the task is inside a transaction of this pool and asks the pool for another connection. Use the transaction that the body was \
      given, do it after the transaction, or use a second pool
      """
    )
  }
}
