import Foundation
@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

private struct Stamp: TaskMiddleware {
  let name: String
  let journal: Journal<String>

  func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
    journal.append("\(name) enqueues \(tasks.count)")
    var tasks = tasks
    for index in tasks.indices { tasks[index].headers["stamps", default: ""] += name }
    let results = try await next(tasks)
    journal.append("\(name) enqueued")
    return results
  }

  func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome {
    journal.append("\(name) begins \(context.headers["stamps"] ?? "")")
    defer { journal.append("\(name) ends") }
    return try await next(context)
  }
}

private struct Refusing: TaskMiddleware {
  func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
    throw TaskQueueError(.refused, "Not on Sundays.")
  }
}

private struct Replacing: TaskMiddleware {
  let outcome: TaskOutcome

  func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome {
    do { return try await next(context) } catch is HandlerFailure { return outcome }
  }
}

@Suite("Middleware stands around every enqueue and every attempt")
struct MiddlewareTests {
  @Test("The first one is outermost; headers that it adds travel with the task")
  func order() async throws {
    let store = InMemoryTaskStore()
    let journal = Journal<String>()
    let middleware: [any TaskMiddleware] = [Stamp(name: "a", journal: journal), Stamp(name: "b", journal: journal)]
    let client = TaskClient(store: store, middleware: middleware)
    let id = try await client.enqueue(Ping()).id
    #expect(journal.entries == ["a enqueues 1", "b enqueues 1", "b enqueued", "a enqueued"])
    #expect(try await client.task(id)?.headers == ["stamps": "ab"])
    try await withWorker(store, middleware: middleware) { handlers in
      try handlers.register(Ping.self) { _, _ in
        journal.append("handler")
        return .completed
      }
    } _: { _ in
      try await eventually("it is done") { try await client.task(id) == nil }
    }
    #expect(journal.entries.dropFirst(4) == ["a begins ab", "b begins ab", "handler", "b ends", "a ends"])
  }

  @Test("It sees bulks, streams and lists of tasks")
  func everyWay() async throws {
    let journal = Journal<String>()
    let client = TaskClient(store: InMemoryTaskStore(), middleware: [Stamp(name: "a", journal: journal)])
    try await client.enqueue(all: [Ping(number: 1), Ping(number: 2)])
    try await client.enqueue([client.newTask(Ping(number: 3)), client.newTask(Pong())])
    try await client.enqueue(
      streaming: AsyncStream { stream in
        stream.yield(Ping(number: 4))
        stream.finish()
      }
    )
    try await client.enqueue(all: [Ping]())
    #expect(journal.entries.filter { $0.hasPrefix("a enqueues") } == ["a enqueues 2", "a enqueues 2", "a enqueues 1"])
  }

  @Test("A refusal stores nothing and says why")
  func refusal() async throws {
    let client = TaskClient(store: InMemoryTaskStore(), middleware: [Refusing()])
    let error = await #expect(throws: TaskQueueError.self) { try await client.enqueue(Ping()) }
    #expect(error?.code == .refused)
    #expect(error?.message == "Not on Sundays.")
    #expect(try await client.counts().isEmpty)
  }

  @Test("One that loses results is named instead of trusted")
  func losesResults() async throws {
    struct Losing: TaskMiddleware {
      func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
        _ = try await next(tasks)
        return []
      }
    }
    let client = TaskClient(store: InMemoryTaskStore(), middleware: [Losing()])
    let error = await #expect(throws: TaskQueueError.self) { try await client.enqueue(Ping()) }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains("Losing") == true)
  }

  @Test("Headers that it adds are held to the limit")
  func tooManyHeaders() async throws {
    struct Verbose: TaskMiddleware {
      func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
        var tasks = tasks
        tasks[0].headers["long"] = String(repeating: "x", count: Limits.headerBytes)
        return try await next(tasks)
      }
    }
    let client = TaskClient(store: InMemoryTaskStore(), middleware: [Verbose()])
    let error = await #expect(throws: TaskQueueError.self) { try await client.enqueue(Ping()) }
    #expect(error?.code == .payloadTooLarge)
  }

  @Test("What it returns for a thrown error is the attempt's outcome")
  func replaces() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    try await client.enqueue(Ping())
    try await withWorker(store, middleware: [Replacing(outcome: .discard(reason: "by middleware"))]) { handlers in
      try handlers.register(Ping.self) { _, _ in throw HandlerFailure() }
    } _: { _ in
      try await eventually("it is dead") { try await !client.deadLetters().isEmpty }
    }
    let letter = try #require(try await client.deadLetters().first)
    #expect((letter.reason, letter.detail, letter.failures) == (.discarded, "by middleware", 0))
  }

  @Test("An error with an outcome that it throws is the attempt's outcome")
  func throwsOutcome() async throws {
    struct Closed: TaskOutcomeError {
      var taskOutcome: TaskOutcome? { .discard(reason: "closed") }
    }
    struct Translating: TaskMiddleware {
      func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome {
        do { return try await next(context) } catch is HandlerFailure { throw Closed() }
      }
    }
    var handlers = TaskHandlers()
    try handlers.register(Ping.self) { _, _ in throw HandlerFailure() }
    let tester = TaskTester(store: InMemoryTaskStore(), handlers: handlers, middleware: [Translating()])
    let attempt = try await tester.run(Ping())
    #expect(attempt.outcome == .discard(reason: "closed") && attempt.error == nil && attempt.failures == 0)
    #expect(attempt.deadLetter?.reason == .discarded)
  }
}
