import EmbeddedPostgres
import Libpq
import Synchronization
import TaskQueue
import TaskQueuePostgres

/// A book whose pages are rendered side by side: a flow with a child for each page.
struct PrintBook: TaskPayload {
  static let taskType: TaskType = "book.print"
  static let taskDefaults = TaskDefaults<Self>(retain: .seconds(86_400))
  var pages: Int
}

/// One page.
struct RenderPage: TaskPayload {
  static let taskType: TaskType = "page.render"
  var number: Int
}

struct Book: Codable, Equatable {
  var pages: Int
  var bytes: Int
  var blankPages: Int
}

@main
struct FanOut {
  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let database = LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1])
    let book = try await run(database, pages: 1_000) { print($0) }
    print("\(book.pages) pages, \(book.bytes) bytes, \(book.blankPages) of them blank")
    await server?.stop()
  }

  static func run(
    _ database: LibpqConfiguration,
    pages: Int,
    _ tell: (String) -> Void = { _ in }
  ) async throws -> Book {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)
    let group = Mutex<GroupID?>(nil)

    var handlers = TaskHandlers()
    try handlers.register(PrintBook.self) { book, context in
      // Children and step are stored together, once, whatever dies. 50 of them at a time.
      let pages = try await context.children("pages", (1...book.pages).map { RenderPage(number: $0) }, atMost: 50)
      group.withLock { $0 = pages.group }
      // The handler is left here, and comes back when all have ended. One that is a dead letter does not end the book.
      let results = try await pages.results(as: Int.self)
      let sizes = results.compactMap { try? $0.result.get() }
      let done = Book(pages: sizes.count, bytes: sizes.reduce(0, +), blankPages: results.count - sizes.count)
      return try .completed(result: done)
    }
    try handlers.register(RenderPage.self) { page, _ in
      if page.number.isMultiple(of: 100) { return .discard(reason: "nothing to print") }
      return try .completed(result: 1_000 + page.number)
    }
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = 50
    let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration)

    let book = try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await worker.run() }
      let id = try await client.enqueue(PrintBook(pages: pages)).id
      var last = 0
      while try await client.task(id) != nil {
        try await Task.sleep(for: .milliseconds(50))
        guard let group = group.withLock({ $0 }), let progress = try await client.progress(of: group) else { continue }
        if progress.ended > last { tell("\(progress.ended) of \(progress.total) pages, \(progress.failed) blank") }
        last = progress.ended
      }
      // Kept for a day, as the payload's type says.
      let book = try await client.result(of: id, as: Book.self)
      worker.shutDown()
      try await tasks.waitForAll()
      return book
    }
    await store.close()
    return book
  }
}
