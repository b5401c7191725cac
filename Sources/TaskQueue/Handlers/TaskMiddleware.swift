/// Code around every enqueue of a client, or every attempt of a worker and the parts of it: metrics, traces, checks, headers.
///
/// The first middleware of a list is the outermost. All methods have default implementations that just pass on. The worker's middleware also
/// sees the enqueue of children by its flows. A ``CallbackInbox`` and the SQL functions enqueue past it.
///
/// ```swift
/// struct Tenant: TaskMiddleware {
///   func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
///     var tasks = tasks
///     for index in tasks.indices { tasks[index].headers["tenant"] = Current.tenant }
///     return try await next(tasks)
///   }
///
///   func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome {
///     try await Current.$tenant.withValue(context.headers["tenant"]) { try await next(context) }
///   }
/// }
///
/// let client = TaskClient(store: store, middleware: [Tenant()])
/// let worker = try TaskWorker(store: store, handlers: handlers, middleware: [Tenant()])
/// ```
public protocol TaskMiddleware: Sendable {
  /// Around one call that stores tasks, in the app's transaction or not; a stream calls it per batch. Headers may be added. `next` is
  /// called at most once, with as many tasks, and its results are passed on in order.
  ///
  /// - Throws: what `next` throws; an error of its own, code ``TaskQueueError/Code/refused``, refuses the tasks: nothing is stored.
  func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult]

  /// Around one attempt: the decoding of the payload and the handler. What it returns or throws is the attempt's outcome. It runs in
  /// the handler's task, so the handler's cancellation, and its timeout, are the middleware's too.
  func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome

  /// Around a part of an attempt that is really done now, not only read from what was recorded: the body of a step, the call or the lookup of
  /// an effect. In the Swift task that runs it, so what is task-local reaches the body. `next` is called at most once.
  ///
  /// - Throws: what `next` throws, or an error of its own instead of calling it, which is then the body's. Once the body has returned, its value
  ///   counts and an error does not.
  func part(_ part: AttemptPart, of context: TaskContext, next: NextPart) async throws
}

extension TaskMiddleware {
  public func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
    try await next(tasks)
  }

  public func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome { try await next(context) }

  public func part(_ part: AttemptPart, of context: TaskContext, next: NextPart) async throws { try await next() }
}

/// What an enqueue goes on with: the next middleware, or the store. Called like a function.
///
/// A type and not a closure: how a closure's type is read depends on the upcoming features of the target it is written in, and a method
/// with another type would silently not be the protocol's.
public struct NextEnqueue {
  let next: ([NewTask]) async throws(TaskQueueError) -> [EnqueueResult]

  public func callAsFunction(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    try await next(tasks)
  }
}

/// What an attempt goes on with: the next middleware, or the handler. Called like a function.
public struct NextAttempt: Sendable {
  let next: @Sendable (TaskContext) async throws -> TaskOutcome

  public func callAsFunction(_ context: TaskContext) async throws -> TaskOutcome { try await next(context) }
}

/// What a part of an attempt goes on with: the next middleware, or its body. Called like a function, and not to be kept.
public struct NextPart {
  let next: () async throws -> Void

  public func callAsFunction() async throws { try await next() }
}

extension [any TaskMiddleware] {
  /// The attempt with all middleware around it, put together once. A ``TaskOutcomeError`` counts as its outcome, whether the handler or
  /// a middleware throws it.
  func around(
    _ attempt: @escaping @Sendable (TaskContext) async throws -> TaskOutcome
  ) -> @Sendable (TaskContext) async throws -> TaskOutcome {
    reversed().reduce(Self.honouringOutcomes(attempt)) { next, middleware in
      Self.honouringOutcomes { context in try await middleware.attempt(context, next: NextAttempt(next: next)) }
    }
  }

  private static func honouringOutcomes(
    _ attempt: @escaping @Sendable (TaskContext) async throws -> TaskOutcome
  ) -> @Sendable (TaskContext) async throws -> TaskOutcome {
    { context in
      do { return try await attempt(context) } catch let error as any TaskOutcomeError {
        guard let outcome = error.taskOutcome else { throw error }
        return outcome
      }
    }
  }

  /// The body of a part with all middleware around it; the body alone if there is none. What the body returned counts, whatever a middleware
  /// throws afterwards: an effect that has happened must not look as if it had not.
  func around<Value>(
    _ part: AttemptPart,
    of context: TaskContext,
    _ body: @escaping () async throws -> Value
  ) async throws -> Value {
    guard !isEmpty else { return try await body() }
    var result: Value?
    let innermost = NextPart { result = try await body() }
    let outermost = reversed().reduce(innermost) { next, middleware in
      NextPart { try await middleware.part(part, of: context, next: next) }
    }
    do { try await outermost() } catch {
      guard let result else { throw error }
      return result
    }
    guard let result else {
      throw TaskQueueError(
        .invalidConfiguration,
        "A middleware passed over the \(part.kind) \(part.name) without an error; call `next`, or throw."
      )
    }
    return result
  }

  /// Stores the tasks with all middleware around it.
  func enqueue(
    _ tasks: [NewTask],
    _ store: @escaping ([NewTask]) async throws(TaskQueueError) -> [EnqueueResult]
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    // The library's own middleware adds no headers.
    guard count > 1 else { return try await self[...].enqueue(tasks, store) }
    return try await self[...].enqueue(tasks) { tasks throws(TaskQueueError) in
      for index in tasks.indices { try EnqueueOptions.validateHeaders(tasks[index].headers) }
      return try await store(tasks)
    }
  }
}

extension ArraySlice<any TaskMiddleware> {
  fileprivate func enqueue(
    _ tasks: [NewTask],
    _ store: @escaping ([NewTask]) async throws(TaskQueueError) -> [EnqueueResult]
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    guard let first else { return try await store(tasks) }
    let next = NextEnqueue { inner throws(TaskQueueError) in try await dropFirst().enqueue(inner, store) }
    let results = try await first.enqueue(tasks, next: next)
    guard results.count == tasks.count else {
      throw TaskQueueError(
        .invalidConfiguration,
        "\(type(of: first)) returned \(results.count) results for \(tasks.count) tasks; they may be stored all the same."
      )
    }
    return results
  }
}
