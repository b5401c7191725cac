import Foundation
import InMemoryTracing
import Logging
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit
import TaskQueueTracing
import Testing
import Tracing
import WorkerTestSupport

@Suite("Traces lead from an enqueue to its attempts")
struct TracingTests {
  private struct Child: TaskPayload {
    static let taskType: TaskType = "test.child"
  }

  private let tracer = InMemoryTracer()
  private var tracing: [any TaskMiddleware] { [TracingMiddleware(tracer: tracer)] }

  private func spans(_ name: String) -> [FinishedInMemorySpan] {
    tracer.finishedSpans.filter { $0.operationName == name }
  }

  private func text(_ span: FinishedInMemorySpan, _ attribute: String) -> SpanAttribute? {
    span.attributes.get(attribute)
  }

  @Test("An attempt is linked to its enqueue, and not below it", arguments: StoreKind.allCases)
  func link(kind: StoreKind) async throws {
    try await kind.with { store in
      let client = TaskClient(store: AnyStore(store), middleware: tracing)
      let request = tracer.startSpan("request")
      let id = try await InstrumentationContext.$current.withValue(request.context) {
        try await client.enqueue(Ping(number: 1)).id
      }
      request.end()
      try await withWorker(store, middleware: tracing) { handlers in
        try handlers.register(Ping.self) { _, _ in
          tracer.startSpan("inside").end()
          return .completed
        }
      } _: { _ in
        try await eventually("the attempt's span has ended") { !spans("process default").isEmpty }
      }
      let enqueue = try #require(spans("enqueue default").first)
      #expect(enqueue.kind == .producer)
      #expect(enqueue.parentSpanID == request.spanID && enqueue.traceID == request.traceID)
      #expect(text(enqueue, "messaging.system") == "taskqueue")
      #expect(text(enqueue, "messaging.operation.name") == "enqueue")
      #expect(text(enqueue, "messaging.operation.type") == "send")
      #expect(text(enqueue, "messaging.destination.name") == "default")
      #expect(text(enqueue, "messaging.message.id") == .string(id.description))
      #expect(text(enqueue, "taskqueue.task.type") == "test.ping")
      #expect(text(enqueue, "taskqueue.task.is_new") == true)
      let attempt = try #require(spans("process default").first)
      #expect(attempt.kind == .consumer)
      #expect(attempt.parentSpanID == nil && attempt.traceID != enqueue.traceID)
      #expect(attempt.links.count == 1)
      #expect(attempt.links.first?.context.inMemorySpanContext?.spanID == enqueue.spanID)
      #expect(attempt.links.first?.context.inMemorySpanContext?.traceID == enqueue.traceID)
      #expect(text(attempt, "messaging.operation.name") == "process")
      #expect(text(attempt, "messaging.operation.type") == "process")
      #expect(text(attempt, "messaging.message.id") == .string(id.description))
      #expect(text(attempt, "taskqueue.attempt") == 1)
      #expect(text(attempt, "taskqueue.outcome") == "completed")
      #expect(attempt.status == nil)
      #expect(spans("inside").first?.parentSpanID == attempt.spanID, "it is current in the handler")
    }
  }

  @Test(
    "Each way to enqueue has one producer span, whose context travels with every task",
    arguments: StoreKind.allCases
  )
  func everyWay(kind: StoreKind) async throws {
    func enqueue<Store: TransactionalTaskStore>(_ client: TaskClient<Store>) async throws
    where Store.Transaction: Sendable {
      try await client.enqueue(Ping())
      try await client.enqueue(all: [Ping(), Ping()])
      try await client.enqueue([client.newTask(Ping()), client.newTask(Child(), options: .with { $0.queue = "other" })])
      try await client.enqueue(
        streaming: AsyncStream { stream in
          for _ in 0..<3 { stream.yield(Ping()) }
          stream.finish()
        }
      )
      try await client.withTransaction { transaction in
        try await client.enqueue(Ping(), in: transaction)
        try await client.enqueue(all: [Ping(), Ping()], in: transaction)
      }
    }
    try await kind.with { store in
      let journal = Journal<[String: String]>()
      struct Peek: TaskMiddleware {
        let journal: Journal<[String: String]>
        func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
          for task in tasks { journal.append(task.headers) }
          return try await next(tasks)
        }
      }
      let middleware = tracing + [Peek(journal: journal)]
      switch store {
      case let store as InMemoryTaskStore: try await enqueue(TaskClient(store: store, middleware: middleware))
      case let store as PostgresTaskStore: try await enqueue(TaskClient(store: store, middleware: middleware))
      default: Issue.record("another store")
      }
      let producers = tracer.finishedSpans.filter { $0.kind == .producer }
      #expect(
        producers.map(\.operationName) == [
          "enqueue default", "enqueue default", "enqueue", "enqueue default", "enqueue default", "enqueue default",
        ]
      )
      #expect(producers.map { text($0, "messaging.batch.message_count") } == [nil, 2, 2, 3, nil, 2])
      #expect(text(producers[2], "messaging.destination.name") == nil)
      #expect(journal.entries.count == 11)
      let carried = journal.entries.compactMap { $0[InMemoryTracer.spanIDKey] }
      #expect(carried == zip(producers, [1, 2, 2, 3, 1, 2]).flatMap { Array(repeating: $0.spanID, count: $1) })
    }
  }

  @Test(
    "Steps, compensations, effects and lookups are spans below their attempt; what was recorded is none",
    arguments: StoreKind.allCases
  )
  func parts(kind: StoreKind) async throws {
    try await kind.with { store in
      try await TaskClient(store: AnyStore(store)).enqueue(Ping())
      let attempts = Journal<Int>()
      try await withWorker(store, middleware: tracing) { handlers in
        try handlers.register(Ping.self, options: .init(retry: .fixed(.milliseconds(1)), maxAttempts: 2)) {
          _,
          context in
          attempts.append(context.attempt)
          try await context.onFailure("open") { tracer.startSpan("in compensation").end() }
          _ = try await context.step("open", 1) {
            tracer.startSpan("in step").end()
            return 7
          }
          _ = try await context.effects.perform("charge", request: 1) { _ in
            if context.attempt == 1 { throw CancellationError() }
            return 1
          } reconcile: { _ in
            .happened(1)
          }
          throw HandlerFailure()
        }
      } _: { _ in
        try await eventually("it is undone and dead") {
          try await store.deadLetters(.init(), after: nil, limit: 10).count == 1
        }
      }
      let processes = spans("process default")
      let step = try #require(spans("step open").first)
      #expect(spans("step open").count == 1, "later attempts find it recorded")
      #expect(step.kind == .internal)
      #expect(text(step, "taskqueue.step.name") == "open#1")
      #expect(step.parentSpanID == processes.first?.spanID)
      #expect(spans("in step").first?.parentSpanID == step.spanID, "it is current in the body")
      let effect = try #require(spans("effect charge").first)
      #expect(effect.kind == .client && effect.parentSpanID == processes.first?.spanID)
      #expect(text(effect, "taskqueue.effect.name") == "charge")
      #expect(text(effect, "error.type") == "Swift.CancellationError")
      #expect(effect.status?.code == .error)
      #expect(spans("effect charge").count == 1)
      let lookup = try #require(spans("lookup charge").first)
      #expect(lookup.kind == .client && lookup.status == nil)
      let compensation = try #require(spans("compensate open").first)
      #expect(spans("in compensation").first?.parentSpanID == compensation.spanID)
      #expect(processes.first.map { text($0, "taskqueue.outcome") } == "failed")
      #expect(
        processes.first.flatMap { text($0, "error.type") }?.text.hasSuffix("HandlerFailure") == true
          || processes.dropFirst().contains { text($0, "error.type")?.text.hasSuffix("HandlerFailure") == true }
      )
    }
  }

  @Test("A step with a transaction is a span, too", arguments: StoreKind.allCases)
  func transactionStep(kind: StoreKind) async throws {
    try await kind.with { store in
      try await TaskClient(store: AnyStore(store)).enqueue(Ping())
      try await withWorker(store, middleware: tracing) { handlers in
        try handlers.register(Ping.self) { _, context in
          switch store {
          case let store as InMemoryTaskStore: _ = try await context.transaction("book", on: store) { _ in 1 }
          case let store as PostgresTaskStore: _ = try await context.transaction("book", on: store) { _ in 1 }
          default: throw HandlerFailure()
          }
          return .completed
        }
      } _: { _ in
        try await eventually("the attempt has ended") { !spans("process default").isEmpty }
      }
      let attempt = try #require(spans("process default").first)
      #expect(spans("step book").map(\.parentSpanID) == [attempt.spanID])
      #expect(text(attempt, "taskqueue.outcome") == "completed")
    }
  }

  @Test("A flow that waits has not failed; its children are enqueued below its attempt", arguments: StoreKind.allCases)
  func flows(kind: StoreKind) async throws {
    try await kind.with { store in
      let client = TaskClient(store: AnyStore(store))
      try await client.enqueue(Ping())
      let done = Journal<Bool>()
      try await withWorker(store, middleware: tracing) { handlers in
        try handlers.register(Ping.self) { _, context in
          try await context.child("child", Child()).finish()
          done.append(true)
          return .completed
        }
        try handlers.register(Child.self) { _, _ in .completed }
      } _: { _ in
        try await eventually("the parent is done") { !done.entries.isEmpty }
        try await eventually("its span has ended") { spans("process default").count >= 3 }
      }
      let parents = spans("process default").filter { text($0, "taskqueue.task.type") == "test.ping" }
      #expect(parents.map { text($0, "taskqueue.outcome") } == ["suspended", "completed"])
      #expect(parents.allSatisfy { $0.status == nil && $0.links.isEmpty })
      let enqueue = try #require(spans("enqueue default").first)
      #expect(enqueue.parentSpanID == parents.first?.spanID)
      let child = try #require(spans("process default").first { text($0, "taskqueue.task.type") == "test.child" })
      #expect(child.links.first?.context.inMemorySpanContext?.spanID == enqueue.spanID)
    }
  }

  @Test("An enqueue that fails says how")
  func failure() async throws {
    let client = TaskClient(store: InMemoryTaskStore(), middleware: tracing + [Refusing()])
    await #expect(throws: TaskQueueError.self) { try await client.enqueue(Ping()) }
    let span = try #require(spans("enqueue default").first)
    #expect(text(span, "error.type") == "refused")
    #expect(span.status?.code == .error)
    #expect(span.status?.message?.contains("Not on Sundays") == true)
  }

  @Test("Headers that have no room go without, and the task is stored")
  func fullHeaders() async throws {
    let client = TaskClient(store: InMemoryTaskStore(), middleware: tracing)
    let long = ["long": String(repeating: "x", count: Limits.headerBytes - 20)]
    let id = try await client.enqueue(Ping(), options: .with { $0.headers = long }).id
    #expect(try await client.task(id)?.headers == long)
  }

  @Test("What is enqueued past middleware can carry the current context")
  func traced() throws {
    let span = tracer.startSpan("request")
    let task = try InstrumentationContext.$current.withValue(span.context) {
      try TracingMiddleware(tracer: tracer).traced(NewTask(type: "a", json: Data("{}".utf8)))
    }
    #expect(task.headers[InMemoryTracer.spanIDKey] == span.spanID)
  }

  @Test(
    "An attempt's logger carries the trace that the task was enqueued in, if it has W3C's form",
    arguments: [
      ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
      ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "4bf92f3577b34da6a3ce929d0e0e4736"),
      ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", nil),
      ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", nil),
      ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", nil), ("rubbish", nil), ("", nil),
    ]
  )
  func logger(header: String, trace: String?) async throws {
    let store = InMemoryTaskStore()
    try await TaskClient(store: store).enqueue(Ping(), options: .with { $0.headers = ["traceparent": header] })
    let seen = Journal<Logger.Metadata.Value?>()
    let logger = Logger(label: "test") { _ in KeepingHandler() }
    try await withWorker(store, logger: logger) { handlers in
      try handlers.register(Ping.self) { _, context in
        seen.append(context.logger[metadataKey: "origin_trace_id"])
        return .completed
      }
    } _: { _ in
      try await eventually("it ran") { !seen.entries.isEmpty }
    }
    #expect(seen.entries[0].map { "\($0)" } == trace)
  }
}

private struct Refusing: TaskMiddleware {
  func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
    throw TaskQueueError(.refused, "Not on Sundays.")
  }
}

/// Logs nothing, and keeps its metadata.
private struct KeepingHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {}
}

extension SpanAttribute {
  fileprivate var text: String { if case .string(let text) = self { text } else { "" } }
}
