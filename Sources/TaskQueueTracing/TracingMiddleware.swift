public import TaskQueue
public import Tracing

#if !Tracing
  #error("TaskQueueTracing needs the package's trait Tracing: .package(url: …, from: …, traits: [\"Tracing\"])")
#endif

/// Spans for enqueues, attempts, steps and effects, by [swift-distributed-tracing](https://github.com/apple/swift-distributed-tracing).
///
/// ```swift
/// InstrumentationSystem.bootstrap(tracer)
/// let client = TaskClient(store: store, middleware: [TracingMiddleware()])
/// let worker = try TaskWorker(store: store, handlers: handlers, middleware: [TracingMiddleware()])
/// ```
///
/// An enqueue is a producer span, one for each call or each batch of a stream, below the span that is current. Its context travels with each task in the
/// headers, by the names that the tracer gives it (`traceparent` with W3C's). An attempt is a consumer span at the top of a trace of its own, linked to that of the enqueue:
/// a task may run days later, and many times. Steps and effects that really run are spans below their attempt's. Names and attributes follow OpenTelemetry's
/// conventions for messaging; all of them, with ours, are in `docs/observability.md`. No span has a payload, a header's value or a result; one that failed has the error's
/// text, as the log has it.
///
/// Put it first, so that the other middleware runs inside of its spans. The handler of a batch runs in no attempt's Swift task: there, nothing is current.
public struct TracingMiddleware: TaskMiddleware {
  private let ownTracer: (any Tracer)?

  /// - Parameter tracer: nil: as `InstrumentationSystem` says at each use; its other instruments then travel with the tasks, too.
  public init(tracer: (any Tracer)? = nil) { ownTracer = tracer }

  private var tracer: any Tracer { ownTracer ?? InstrumentationSystem.tracer }
  private var instrument: any Instrument { ownTracer ?? InstrumentationSystem.instrument }

  // MARK: Enqueue

  public func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
    let queue = tasks.first.flatMap { first in tasks.allSatisfy { $0.queue == first.queue } ? first.queue : nil }
    let span = tracer.startAnySpan(SpanName.enqueue.of(queue?.rawValue), ofKind: .producer)
    defer { span.end() }
    span.updateAttributes { attributes in
      attributes[.system] = SpanAttributeName.systemName
      attributes[.operationName] = SpanName.enqueue.rawValue
      attributes[.operationType] = "send"
      attributes[.destination] = queue?.rawValue
      if tasks.count == 1 {
        attributes[.taskType] = tasks[0].type.rawValue
      } else {
        attributes[.batchCount] = tasks.count
      }
    }
    let travelling = traced(tasks, in: span.context)
    let result = await InstrumentationContext.$current.withValue(span.context) {
      await Self.result { () async throws(TaskQueueError) in try await next(travelling) }
    }
    switch result {
    case .success(let results):
      if results.count == 1 {
        span.updateAttributes { attributes in
          attributes[.messageID] = results[0].id.description
          attributes[.isNew] = results[0].isNew
        }
      }
    case .failure(let error): span.fail(error)
    }
    return try result.get()
  }

  private static func result(
    _ body: () async throws(TaskQueueError) -> [EnqueueResult]
  ) async -> Result<[EnqueueResult], TaskQueueError> {
    do throws(TaskQueueError) { return .success(try await body()) } catch { return .failure(error) }
  }

  /// The task with the current context in its headers, for what is enqueued past middleware: by a `CallbackInbox`, by another driver.
  public func traced(_ task: NewTask) -> NewTask {
    traced([task], in: InstrumentationContext.current ?? .topLevel)[0]
  }

  /// A task whose headers would be too long goes without.
  private func traced(_ tasks: [NewTask], in context: InstrumentationContext) -> [NewTask] {
    var carrier: [String: String] = [:]
    instrument.inject(context, into: &carrier, using: TaskHeaders())
    guard !carrier.isEmpty else { return tasks }
    return tasks.map { task in
      var traced = task
      traced.headers.merge(carrier) { $1 }
      do { try EnqueueOptions.validateHeaders(traced.headers) } catch { return task }
      return traced
    }
  }

  // MARK: Attempts

  public func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome {
    let span = tracer.startAnySpan(
      SpanName.process.of(context.queue.rawValue),
      context: .topLevel,
      ofKind: .consumer
    )
    defer { span.end() }
    if let origin = origin(of: context) { span.addLink(SpanLink(context: origin, attributes: [:])) }
    span.updateAttributes { attributes in
      attributes[.system] = SpanAttributeName.systemName
      attributes[.operationName] = SpanName.process.rawValue
      attributes[.operationType] = SpanName.process.rawValue
      attributes[.destination] = context.queue.rawValue
      attributes[.messageID] = context.id.description
      attributes[.taskType] = context.type.rawValue
      attributes[.attempt] = context.attempt
    }
    do {
      let outcome = try await InstrumentationContext.$current.withValue(span.context) { try await next(context) }
      span.updateAttributes { $0[.outcome] = outcome.name }
      return outcome
    } catch let suspension as FlowSuspension {
      span.updateAttributes { $0[.outcome] = "suspended" }
      throw suspension
    } catch {
      span.updateAttributes { $0[.outcome] = "failed" }
      span.fail(error)
      throw error
    }
  }

  /// The context that the task was enqueued in; nil: none travels with it.
  private func origin(of context: TaskContext) -> InstrumentationContext? {
    let headers = context.headers
    guard !headers.isEmpty else { return nil }
    var origin = InstrumentationContext.topLevel
    instrument.extract(headers, into: &origin, using: TaskHeaders())
    return origin.isEmpty ? nil : origin
  }

  // MARK: Steps and effects

  public func part(_ part: AttemptPart, of context: TaskContext, next: NextPart) async throws {
    let name = SpanName(part.kind)
    let span = tracer.startAnySpan(name.of(part.name), ofKind: name.isCall ? .client : .internal)
    defer { span.end() }
    span.updateAttributes { attributes in
      attributes[.system] = SpanAttributeName.systemName
      attributes[.messageID] = context.id.description
      attributes[.taskType] = context.type.rawValue
      attributes[.attempt] = context.attempt
      attributes[name.isCall ? .effect : .step] = part.name
    }
    do {
      try await InstrumentationContext.$current.withValue(span.context) { try await next() }
    } catch {
      span.fail(error)
      throw error
    }
  }
}

extension Tracing.Span {
  fileprivate func fail(_ error: any Error) {
    let type = (error as? TaskQueueError)?.code.description ?? String(reflecting: Swift.type(of: error))
    updateAttributes { $0[.errorType] = type }
    setStatus(SpanStatus(code: .error, message: TaskFailure.message(of: error)))
  }
}
