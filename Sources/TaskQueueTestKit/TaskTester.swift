@_spi(Store) public import TaskQueue
import TaskQueueInMemory

/// Runs attempts one at a time and shows what became of each; no worker, no polling, no sleeping.
///
/// An attempt is a real one: claimed from the store, decoded, through middleware and handler, settled by the worker's own rules. Any store
/// will do, `InMemoryTaskStore` and `PostgresTaskStore` alike. Only the worker's timers are missing: leases are not renewed and
/// handlers do not time out.
///
/// ```swift
/// let tester = TaskTester(store: InMemoryTaskStore(), handlers: handlers)
/// let attempt = try await tester.run(SendReceipt(orderID: 7))
/// #expect(attempt.outcome == .completed)
/// ```
public struct TaskTester<Store: TaskStore>: Sendable {
  /// Enqueues as the tester's handlers decode, with its middleware.
  public let client: TaskClient<Store>
  private let attempts: SingleAttempt
  private let types: [TaskType]
  private let time: ManualTime?
  private let lease: Duration

  /// - Parameters:
  ///   - middleware: around every attempt, and every enqueue by ``client``; the first one outermost.
  ///   - effects: how `context.effects` are made.
  ///   - time: the store's clock, if it is moved by hand; ``drain(within:atMost:)`` may move it.
  ///   - lease: how long a claim holds its task; as long as an attempt may take. 1 minute, as a worker's.
  public init(
    store: Store,
    handlers: TaskHandlers,
    middleware: [any TaskMiddleware] = [],
    effects: EffectsConfiguration = .init(),
    time: ManualTime? = nil,
    lease: Duration = .seconds(60)
  ) {
    client = TaskClient(store: store, coding: handlers.coding, middleware: middleware)
    attempts = SingleAttempt(store: store, handlers: handlers, middleware: middleware, effects: effects)
    types = handlers.types
    self.time = time
    self.lease = lease
  }

  /// Enqueues the payload and runs the task's first attempt, due or not.
  ///
  /// - Throws: as ``run(_:)-(TaskID)``, and as `TaskClient.enqueue`.
  public func run<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init()
  ) async throws -> TestedAttempt {
    try await run(try await client.enqueue(payload, options: options).id)
  }

  /// ``run(_:options:)`` for a payload that does not say its task type.
  public func run<Payload: Encodable>(
    _ payload: Payload,
    as type: TaskType,
    options: EnqueueOptions = .init()
  ) async throws -> TestedAttempt {
    try await run(try await client.enqueue(payload, as: type, options: options).id)
  }

  /// Runs the next attempt of this task now, whatever its due time; others stay as they are.
  ///
  /// What the handler throws is in the result. Costs a claim of the tasks before it in its queue, which are handed back.
  ///
  /// - Throws: ``TaskTesterError`` if the task is not live, is held by another one, has no handler here, or its queue is paused;
  ///   `TaskQueueError` of the store.
  public func run(_ id: TaskID) async throws -> TestedAttempt {
    guard let task = try await client.task(id) else {
      throw TaskTesterError("Task \(id) cannot be run: it is finished, a dead letter, or was never enqueued.")
    }
    guard types.contains(task.type) else {
      throw TaskTesterError("Task \(id) cannot be run: the tester's handlers have none for \(task.type).")
    }
    guard try await client.runNow(id, expectedAttempt: task.attempt) else {
      throw TaskTesterError("Task \(id) cannot be run: a worker, or another attempt, holds it.")
    }
    var others: [ClaimedTask] = []
    var wanted: ClaimedTask?
    while wanted == nil {
      let claimed = try await claim(from: [task.queue], types: [task.type], limit: Limits.claimTasks).claimed
      if claimed.isEmpty { break }
      wanted = claimed.first { $0.claim.id == id }
      others += claimed.filter { $0.claim.id != id }
    }
    try await release(others)
    guard let wanted else {
      throw TaskTesterError("Task \(id) cannot be run: its queue \(task.queue) is paused, or a worker was faster.")
    }
    return try await run(wanted)
  }

  /// Runs one attempt of the next due task that has a handler, of any queue that is not paused.
  ///
  /// - Returns: nil: nothing is due.
  /// - Throws: `TaskQueueError` of the store.
  public func runNext() async throws -> TestedAttempt? {
    guard let task = try await claimNext()?.claimed.first else { return nil }
    return try await run(task)
  }

  /// Runs attempts until nothing is due any more, tasks that handlers enqueue included.
  ///
  /// - Parameters:
  ///   - window: lets so much time pass: moves ``ManualTime`` forward to each task's due time, and to the window's end in the end.
  ///     Zero: the time stays as it is.
  ///   - limit: attempts at most; at least 1.
  /// - Returns: the attempts in their order.
  /// - Throws: ``TaskTesterError`` if more attempts than `limit` are due, or there is a window and no time to move;
  ///   `TaskQueueError` of the store.
  @discardableResult
  public func drain(within window: Duration = .zero, atMost limit: Int = 1_000) async throws -> [TestedAttempt] {
    if window > .zero, time == nil {
      throw TaskTesterError("Only a ManualTime can be moved: give the tester the one that the in-memory store reads.")
    }
    var left = max(.zero, window)
    var ended: [TestedAttempt] = []
    while true {
      let exchange = try await claimNext()
      if let task = exchange?.claimed.first {
        guard ended.count < limit else {
          try await release([task])
          throw TaskTesterError(
            """
            Still not drained after \(limit) attempts; next is attempt \(task.attempt) of a \(task.type). A handler that asks \
            to run again at once, or enqueues itself, never ends; if all is well, allow more by `atMost`.
            """
          )
        }
        ended.append(try await run(task))
      } else if let wait = exchange?.nextDueIn, wait <= left, left > .zero {
        // Dates are coarser than durations: never stand still.
        let step = min(max(wait, .microseconds(1)), left)
        time?.advance(by: step)
        left -= step
      } else {
        time?.advance(by: left)
        return ended
      }
    }
  }

  // MARK: Claims

  /// - Returns: nil: there is no live task for these handlers.
  private func claimNext() async throws -> Exchange? {
    let queues = Set(try await client.counts().filter { types.contains($0.type) && $0.state != .finished }.map(\.queue))
    guard !queues.isEmpty else { return nil }
    return try await claim(from: queues.sorted { $0.rawValue < $1.rawValue }, types: types, limit: 1)
  }

  private func claim(from queues: [QueueName], types: [TaskType], limit: Int) async throws -> Exchange {
    let request = ClaimRequest(queues: queues, types: types, limit: limit, lease: lease, promotesDue: true)
    return try await attempts.store.exchange(settle: [], claim: request)
  }

  /// Hands tasks back unharmed.
  private func release(_ tasks: [ClaimedTask]) async throws {
    guard !tasks.isEmpty else { return }
    _ = try await attempts.store.exchange(settle: tasks.map { Settlement($0.claim, .release) }, claim: nil)
  }

  private func run(_ task: ClaimedTask) async throws -> TestedAttempt {
    let result = try await attempts.run(task)
    let id = task.claim.id
    return TestedAttempt(
      result,
      task: try await client.task(id),
      deadLetter: try await client.deadLetters(.init(ids: [id])).first
    )
  }
}

extension TaskHandlers {
  /// Enqueues the payload in a new in-memory store and runs one attempt: the shortest test of a handler that needs no store of its own.
  ///
  /// ```swift
  /// let attempt = try await handlers.runOnce(SendReceipt(orderID: 7))
  /// #expect(attempt.outcome == .completed)
  /// ```
  ///
  /// - Throws: as ``TaskTester/run(_:options:)``.
  public func runOnce<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init()
  ) async throws -> TestedAttempt {
    let time = ManualTime()
    return try await TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: self).run(
      payload,
      options: options
    )
  }
}

/// A test asked for an attempt that cannot be made.
public struct TaskTesterError: Error, CustomStringConvertible {
  /// What is wrong and what to do about it.
  public let description: String
  init(_ description: String) { self.description = description }
}
