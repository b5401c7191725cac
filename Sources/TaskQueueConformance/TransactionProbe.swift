import Synchronization
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Short forms of a store's calls in transactions for its conformance checks.
struct TransactionProbe<Store: TransactionalTaskStore & StoreContract>: Sendable {
  /// What a transaction's body throws so that it rolls back.
  struct Stop: Error {}

  let tasks: StoreProbe
  let store: Store
  let client: TaskClient<Store>
  private let harness: any TransactionHarness<Store>

  init(_ harness: any TransactionHarness<Store>) {
    self.harness = harness
    tasks = StoreProbe(harness)
    store = harness.transactionalStore
    client = TaskClient(store: store)
  }

  func advance(by duration: Duration) async throws { try await tasks.advance(by: duration) }

  /// Runs the body beside the transaction that the calling task has open.
  func elsewhere<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await harness.elsewhere(body)
  }

  /// Runs the body in a transaction that rolls back.
  func rollingBack(_ body: (Store.Transaction) async throws -> Void) async throws {
    do {
      try await store.withTransaction { transaction in
        try await body(transaction)
        throw Stop()
      }
    } catch is Stop { return }
    throw ConformanceFailure("a transaction whose body throws did not throw")
  }

  /// A new task, claimed.
  func start(_ json: String = "{}", _ change: (inout EnqueueOptions) -> Void = { _ in }) async throws -> ClaimedTask {
    try await tasks.claimOnly(try await tasks.enqueue(json: json, change).id)
  }

  func settle(_ task: ClaimedTask, _ action: Settlement.Action, in transaction: Store.Transaction) async throws {
    try await store.settle(Settlement(task.claim, action), in: transaction)
  }

  func context(_ task: ClaimedTask) -> TaskContext {
    TaskContext(task: task, ledger: store as? any EffectLedger)
  }

  /// What a callback enqueues: the one check of a subject, now.
  func wake(_ subject: String, _ change: (inout EnqueueOptions) -> Void = { _ in }) throws -> NewTask {
    try tasks.newTask(json: #"{"subject":"\#(subject)"}"#) { options in
      options.unique = UniqueKey("check \(subject)", mode: .coalesce)
      change(&options)
    }
  }

  /// Receives an event outside of a transaction and expects it to be new.
  func accept(
    _ event: CallbackEvent,
    _ task: NewTask,
    by inbox: CallbackInbox<Store>,
    fileID: String = #fileID,
    line: Int = #line
  ) async throws -> EnqueueResult {
    guard case .accepted(let result) = try await inbox.receive(event, wake: task) else {
      throw ConformanceFailure("a new event was not accepted", fileID: fileID, line: line)
    }
    return result
  }
}

/// What a closure noted, from any task.
final class Recorder<Value: Sendable>: Sendable {
  private let values = Mutex<[Value]>([])
  var all: [Value] { values.withLock { $0 } }
  func add(_ new: [Value]) { values.withLock { $0 += new } }
}
