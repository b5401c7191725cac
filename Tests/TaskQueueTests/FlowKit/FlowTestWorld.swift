import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import WorkerTestSupport

/// What is outside of a flow under test: numbers of an app's own database, by name.
final class FlowTestWorld: Sendable {
  private let numbers = Mutex<[String: Int]>([:])

  subscript(_ name: String) -> Int {
    get { numbers.withLock { $0[name] ?? 0 } }
    set { numbers.withLock { $0[name] = newValue } }
  }

  func add(_ name: String, _ amount: Int = 1) { numbers.withLock { $0[name, default: 0] += amount } }
  func set(_ name: String, _ value: Int) { numbers.withLock { $0[name] = value } }

  /// Part of the transaction.
  func add(_ name: String, in transaction: InMemoryTransaction) {
    add(name)
    transaction.onRollback { self.add(name, -1) }
  }

  struct Broken: Error, CustomStringConvertible {
    let description: String
  }

  func require(_ isTrue: Bool, _ text: String) throws {
    if !isTrue { throw Broken(description: text) }
  }
}

typealias FlowTestInvariant = @Sendable (FlowTestWorld, FlowEnding) throws -> Void

/// A test of one handler, with a world.
func flowTest(
  _ options: FlowTestOptions = .init(randomRuns: 30),
  retrying: TaskHandlerOptions = .init(retry: .fixed(.seconds(10)), maxAttempts: 3),
  events: [(key: String, after: Duration)] = [],
  invariant: @escaping FlowTestInvariant = { _, _ in },
  _ handle: @escaping @Sendable (FlowTestRun, FlowTestWorld, TaskContext) async throws -> Void
) -> FlowTest<Ping> {
  FlowTest(Ping(number: 7), options: options) { run in
    let world = FlowTestWorld()
    for (key, delay) in events { try run.emit(key, 500, after: delay) }
    run.invariant { try invariant(world, $0) }
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: retrying) { _, context in
      try await handle(run, world, context)
      return .completed
    }
    return handlers
  }
}
