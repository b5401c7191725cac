import Foundation
import Logging
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueTestKit

struct Ping: TaskPayload {
  static let taskType: TaskType = "test.ping"
  var number: Int = 0
}

struct Pong: TaskPayload {
  static let taskType: TaskType = "test.pong"
  var text: String = ""
}

struct HandlerFailure: Error, CustomStringConvertible {
  var description = "the provider is down"
}

/// Remembers what happened, from any task.
final class Journal<Entry: Sendable>: Sendable {
  private let storage = Mutex<[Entry]>([])
  var entries: [Entry] { storage.withLock { $0 } }
  func append(_ entry: Entry) { storage.withLock { $0.append(entry) } }
}

/// Short polls, so that tests don't wait for them.
func quickConfiguration(_ change: (inout TaskWorkerConfiguration) -> Void = { _ in }) -> TaskWorkerConfiguration {
  var configuration = TaskWorkerConfiguration()
  configuration.maxPollInterval = .milliseconds(20)
  configuration.promotionInterval = .milliseconds(5)
  configuration.shutdownGrace = .seconds(10)
  change(&configuration)
  return configuration
}

var quietLogger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// Runs a worker beside the body and shuts it down gracefully after it.
func withWorker<Value: Sendable>(
  _ store: any StoreContract,
  _ configuration: TaskWorkerConfiguration = quickConfiguration(),
  middleware: [any TaskMiddleware] = [],
  register: (inout TaskHandlers) throws -> Void,
  _ body: (TaskWorker) async throws -> Value
) async throws -> Value {
  var handlers = TaskHandlers()
  try register(&handlers)
  return try await withWorker(store, configuration, middleware: middleware, handlers: handlers, body)
}

func withWorker<Value: Sendable>(
  _ store: any StoreContract,
  _ configuration: TaskWorkerConfiguration = quickConfiguration(),
  middleware: [any TaskMiddleware] = [],
  handlers: TaskHandlers,
  _ body: (TaskWorker) async throws -> Value
) async throws -> Value {
  let worker = try TaskWorker(
    store: store,
    handlers: handlers,
    configuration: configuration,
    middleware: middleware,
    logger: quietLogger
  )
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await worker.run() }
    let result: Result<Value, any Error>
    do { result = .success(try await body(worker)) } catch { result = .failure(error) }
    worker.shutDown()
    try await group.waitForAll()
    return try result.get()
  }
}

/// Passes everything on, except that exchanges and renewals can be made to fail.
final class FaultyStore: StoreDecorator {
  let base: any StoreContract
  private let fault = Mutex<(@Sendable (_ settlements: [Settlement]) -> TaskQueueError?)?>(nil)

  init(_ base: any StoreContract) { self.base = base }

  /// Consulted before every exchange and renewal (with no settlements); nil: works again.
  func setFault(_ new: (@Sendable ([Settlement]) -> TaskQueueError?)?) { fault.withLock { $0 = new } }

  private func check(_ settlements: [Settlement]) throws(TaskQueueError) {
    if let error = fault.withLock({ $0 })?(settlements) { throw error }
  }

  func exchange(
    settle: [Settlement],
    claim: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    try check(settle)
    return try await base.exchange(settle: settle, claim: claim)
  }

  func renew(_ claims: [Claim], lease: Duration, within limit: Duration) async throws(TaskQueueError) -> [Renewal] {
    try check([])
    return try await base.renew(claims, lease: lease)
  }
}
