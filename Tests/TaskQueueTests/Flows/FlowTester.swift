@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import WorkerTestSupport

/// What a flow's step throws.
struct Down: Error {}

extension TaskTester<InMemoryTaskStore> {
  /// A tester of one handler, and its clock.
  static func flow(
    _ options: TaskHandlerOptions = .init(retry: .fixed(.seconds(10)), maxAttempts: 3),
    _ handle: @escaping @Sendable (Ping, TaskContext) async throws -> TaskOutcome
  ) throws -> (tester: TaskTester<InMemoryTaskStore>, time: ManualTime) {
    let time = ManualTime()
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: options, handle)
    return (TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: handlers, time: time), time)
  }

  /// Enqueues it and runs its attempts as they become due.
  func drain<Payload: TaskPayload>(of payload: Payload, count: Int) async throws -> [TestedAttempt] {
    let id = try await client.enqueue(payload).id
    var attempts: [TestedAttempt] = []
    for _ in 0..<count { attempts.append(try await run(id)) }
    return attempts
  }
}
